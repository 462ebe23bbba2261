/**
 * Bundles the command line with what it needs of its dependencies: every command starts 130 ms sooner than when Node
 * looks for some two hundred files. The library (dist/api) stays as tsc made it.
 *
 * The folder is as deep as src/cli/commands, so that paths relative to a module (package.json, assets/) stay true.
 */
import { build } from 'esbuild';

await build({
  entryPoints: ['src/cli/main.ts'],
  outdir: 'dist/bundle/cli',
  bundle: true,
  // commands and heavy libraries stay files of their own, loaded when needed
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // the libraries' ES modules where they have such: what nobody imports of them stays out
  mainFields: ['module', 'main'],
  // less text to compile at every start. Names stay as they are, and lines short, for stack traces
  minifyWhitespace: true,
  minifySyntax: true,
  lineLimit: 160,
  sourcemap: true,
  logLevel: 'warning',
  // CommonJS dependencies call require() for Node's own modules
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
});

/** The far end of KNEST_HOST=loopback, a program of its own: see src/host/loopback.ts. */
await build({
  entryPoints: ['src/host/loopback-server.ts'],
  outdir: 'dist/bundle/host',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
});

/**
 * knest-agent runs inside the machines, by their Debian's own Node (18 in bookworm), where there are no packages of npm:
 * one file with everything in it.
 */
await build({
  entryPoints: ['src/agent/main.ts'],
  outfile: 'dist/bundle/agent/knest-agent.mjs',
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  target: 'node18',
  logLevel: 'error',
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
});
