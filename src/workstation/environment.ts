/** The environment that the user has started knest in. An empty variable counts as one: see who reads it. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const userEnvironment: Environment = process.env;
