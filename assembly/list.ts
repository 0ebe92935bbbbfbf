/**
 * A list of nothing yet. Used for what goes into every module: the literal `[]` takes 30 bytes more, and `new Array` a constructor
 * for each class of elements.
 */
// @ts-ignore: decorator
@inline
export function emptyList<T>(): T[] {
  // @ts-ignore: builtins of the runtime.
  return changetype<T[]>(__newArray(0, alignof<T>(), idof<T[]>()));
}
