/** The command tree, in kind's words. Each command's own file says what it does; nothing heavy is loaded here. */

import { Command } from 'commander';
import type { Cli } from './cli.ts';
import { addAddNode } from './commands/add-node.ts';
import { addBackupCreate } from './commands/backup-create.ts';
import { addBackupList } from './commands/backup-list.ts';
import { addBackupRestore } from './commands/backup-restore.ts';
import { addBackupSchedule } from './commands/backup-schedule.ts';
import { addBackupVerify } from './commands/backup-verify.ts';
import { addApply } from './commands/apply.ts';
import { addBuildImage } from './commands/build-image.ts';
import { addBundleCreate } from './commands/bundle-create.ts';
import { addBundleVerify } from './commands/bundle-verify.ts';
import { addCacheList } from './commands/cache-list.ts';
import { addCachePrune } from './commands/cache-prune.ts';
import { addComplete, addCompletion } from './commands/completion.ts';
import { addCreateCluster } from './commands/create-cluster.ts';
import { addDeleteCluster } from './commands/delete-cluster.ts';
import { addDeleteClusters } from './commands/delete-clusters.ts';
import { addDeleteNode } from './commands/delete-node.ts';
import { addDiff } from './commands/diff.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEditCluster } from './commands/edit-cluster.ts';
import { addExec } from './commands/exec.ts';
import { addExportKubeconfig } from './commands/export-kubeconfig.ts';
import { addExportLogs } from './commands/export-logs.ts';
import { addGetClusters } from './commands/get-clusters.ts';
import { addGetConfig } from './commands/get-config.ts';
import { addGetGenerations } from './commands/get-generations.ts';
import { addGetImages } from './commands/get-images.ts';
import { addGetKubeconfig } from './commands/get-kubeconfig.ts';
import { addGetNodes } from './commands/get-nodes.ts';
import { addGetVersions } from './commands/get-versions.ts';
import { addKubectl } from './commands/kubectl.ts';
import { addLoadDockerImage } from './commands/load-docker-image.ts';
import { addLoadImageArchive } from './commands/load-image-archive.ts';
import { addLock } from './commands/lock.ts';
import { addLogs } from './commands/logs.ts';
import { addPlanCluster } from './commands/plan-cluster.ts';
import { addRenewCertificates } from './commands/renew-certificates.ts';
import { addRestartCluster } from './commands/restart-cluster.ts';
import { addRestartNode } from './commands/restart-node.ts';
import { addRollbackCluster } from './commands/rollback-cluster.ts';
import { addRotateCa } from './commands/rotate-ca.ts';
import { addShell } from './commands/shell.ts';
import { addStartCluster } from './commands/start-cluster.ts';
import { addStartNode } from './commands/start-node.ts';
import { addStatusCluster } from './commands/status-cluster.ts';
import { addStopCluster } from './commands/stop-cluster.ts';
import { addStopNode } from './commands/stop-node.ts';
import { addTop } from './commands/top.ts';
import { addUpgradeCluster } from './commands/upgrade-cluster.ts';
import { addVersion } from './commands/version.ts';
import { readVersion } from '../workstation/package-file.ts';
import { countArgument } from './options.ts';
import { progressModes } from './output/open-reporter.ts';

export function buildProgram(cli: Cli): Command {
  const program = rootCommand(cli);

  const create = program.command('create').description('create a cluster');
  addCreateCluster(create, cli);

  const add = program.command('add').description('add nodes to a cluster');
  addAddNode(add, cli);

  const remove = program.command('delete').description('delete clusters and nodes');
  addDeleteCluster(remove, cli);
  addDeleteClusters(remove, cli);
  addDeleteNode(remove, cli);

  const get = program
    .command('get')
    .description('list clusters, nodes, images and versions, or print a kubeconfig or a config');
  addGetClusters(get, cli);
  addGetNodes(get, cli);
  addGetImages(get, cli);
  addGetVersions(get, cli);
  addGetGenerations(get, cli);
  addGetKubeconfig(get, cli);
  addGetConfig(get, cli);

  const exporting = program.command('export').description('write a kubeconfig, or logs');
  addExportKubeconfig(exporting, cli);
  addExportLogs(exporting, cli);

  const status = program.command('status').description('how a cluster is');
  addStatusCluster(status, cli);
  addTop(program, cli);

  const start = program.command('start').description('start a stopped cluster or node');
  addStartCluster(start, cli);
  addStartNode(start, cli);

  const stop = program.command('stop').description('power a cluster or single nodes off');
  addStopCluster(stop, cli);
  addStopNode(stop, cli);

  const restart = program.command('restart').description('power a cluster or single nodes off and on again');
  addRestartCluster(restart, cli);
  addRestartNode(restart, cli);

  const upgrade = program.command('upgrade').description('bring a cluster to other versions');
  addUpgradeCluster(upgrade, cli);

  const rollback = program.command('rollback').description('bring a cluster back to what it was');
  addRollbackCluster(rollback, cli);

  const renew = program.command('renew').description('renew certificates');
  addRenewCertificates(renew, cli);

  const rotate = program.command('rotate').description('exchange the authorities of a cluster for new ones');
  addRotateCa(rotate, cli);

  const plan = program.command('plan').description('show what would be done');
  addPlanCluster(plan, cli);

  addDiff(program, cli);
  addApply(program, cli);
  const edit = program.command('edit').description('change a cluster in an editor');
  addEditCluster(edit, cli);

  addExec(program, cli);
  addShell(program, cli);
  addLogs(program, cli);
  addKubectl(program, cli);

  const load = program.command('load').description('load container images into nodes');
  addLoadDockerImage(load, cli);
  addLoadImageArchive(load, cli);

  const build = program.command('build').description('build what nodes are made from');
  addBuildImage(build, cli);

  const cache = program
    .command('cache')
    .description('what new nodes are made from: see it, free its disk space');
  addCacheList(cache, cli);
  addCachePrune(cache, cli);

  addLock(program, cli);

  const bundle = program
    .command('bundle')
    .description('one file with everything that a machine without a network needs');
  addBundleCreate(bundle, cli);
  addBundleVerify(bundle, cli);

  const backup = program
    .command('backup')
    .description('write a cluster into one file, and make it again of that');
  addBackupCreate(backup, cli);
  addBackupList(backup, cli);
  addBackupVerify(backup, cli);
  addBackupRestore(backup, cli);
  addBackupSchedule(backup, cli);

  addDoctor(program, cli);
  addCompletion(program, cli);
  addComplete(program, cli);
  addVersion(program, cli);
  return program;
}

/** The root with what all commands inherit; errors are thrown, so that run() decides about exit codes. */
function rootCommand({ terminal }: Cli): Command {
  const program = new Command('knest');
  return program
    .description('Real Kubernetes clusters whose nodes are systemd-nspawn machines')
    .version(`knest ${readVersion()}`, '-V, --version', 'print the version')
    .option('-q, --quiet', 'tell nothing on stderr but errors')
    .addOption(
      program
        .createOption('--progress <mode>', 'how to tell what is done: live list, plain lines or JSON lines')
        .choices(progressModes)
        .default('auto'),
    )
    .option('--debug', 'print stack traces of errors')
    .option('-v, --verbosity <level>', 'as kind has it: 1 and more are --debug', countArgument)
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .showHelpAfterError('Run it with --help for its usage.')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: terminal.stdout.write,
      writeErr: terminal.stderr.write,
      getOutHelpWidth: () => terminal.stdout.columns,
      getErrHelpWidth: () => terminal.stderr.columns,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .exitOverride();
}
