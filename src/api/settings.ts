import type { Settings } from './types.ts';

/** What of a call's options says where it acts and to whom it tells what happens; nothing for what is not said. */
export function settingsOf({ host, workstation, paths, listener }: Settings): Settings {
  return {
    ...(host && { host }),
    ...(workstation && { workstation }),
    ...(paths && { paths }),
    ...(listener && { listener }),
  };
}
