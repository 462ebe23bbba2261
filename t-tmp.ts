import { Parser, Lexer, Composer, LineCounter } from 'yaml';
import { readYaml } from './src/spec/yaml.ts';
for (const k of [150,2000,8000,20000]) {
  for (const [name,text] of [['flow','a: '+'['.repeat(k)],['flowclosed','a: '+'['.repeat(k)+']'.repeat(k)],['block','a:\n'+'- '.repeat(k)+'x\n'],['map',k>3000?'':'a:\n'+Array.from({length:k},(_,i)=>' '.repeat(i)+'b:\n').join('')]] as const) {
    let s=performance.now();
    let err=''; try { const r=readYaml(text); err=JSON.stringify((r as any).faults) } catch(e){err=(e as Error).stack!.slice(0,300)}
    console.log(k,name,'read',Math.round(performance.now()-s),err);
  }
}
