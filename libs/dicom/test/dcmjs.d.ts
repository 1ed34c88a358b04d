/** What the tests use of dcmjs, which has no types of its own. */
declare module 'dcmjs' {
  const dcmjs: {
    log: { setLevel(level: string): void; getLogger(name: string): { setLevel(level: string): void } };
    data: {
      DicomMessage: { readFile(buffer: ArrayBufferLike): { dict: unknown } };
      DicomMetaDictionary: { sopClassNamesByUID: Readonly<Record<string, string>> };
    };
  };
  export default dcmjs;
}
