export declare const layers: Readonly<Record<string, readonly string[]>>;
export declare const pureFolders: readonly string[];
export declare const entrances: Readonly<Record<string, readonly string[]>>;
