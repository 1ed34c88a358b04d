/** The environment's variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;
