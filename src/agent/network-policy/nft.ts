import { spawn } from 'node:child_process';

/** Carries out what nft(8) reads, all of it or nothing. @throws Error with what nft says */
export function runNft(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      if (said.length < 1000) said += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`nft: ${said.trim() || `exit code ${code ?? 'none'}`}`));
    });
    // nft may end before it has read everything; its exit code says why
    child.stdin.on('error', () => undefined);
    child.stdin.end(text);
  });
}
