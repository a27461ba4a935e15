// `src/native.ts` says what the answer is.
declare const loader: { load(): unknown };
export = loader;
