import type { ObjectStore } from './object-store.ts';

/** The operations that {@link countOperations} tells apart. */
export type ObjectStoreOperation = 'put' | 'get' | 'head' | 'list' | 'copy' | 'delete';

/** The same store, telling `onOperation` of every call before it is made. */
export function countOperations(store: ObjectStore, onOperation: (operation: ObjectStoreOperation) => void): ObjectStore {
  const counted = <Arguments extends unknown[], Result>(
    operation: ObjectStoreOperation,
    call: (...parameters: Arguments) => Result,
  ): ((...parameters: Arguments) => Result) => {
    return (...parameters) => {
      onOperation(operation);
      return call(...parameters);
    };
  };
  return {
    supports: store.supports,
    put: counted('put', store.put.bind(store)),
    get: counted('get', store.get.bind(store)),
    head: counted('head', store.head.bind(store)),
    list: counted('list', store.list.bind(store)),
    copy: counted('copy', store.copy.bind(store)),
    delete: counted('delete', store.delete.bind(store)),
    check: store.check.bind(store),
    close: store.close.bind(store),
  };
}
