/**
 * The type of what `number-text.ts` takes of the compiler's library: its own sources are not for `tsc`. See `paths` in `tsconfig.json`.
 */
export declare function dtoa_buffered(buffer: usize, value: f64): u32;
