/**
 * Makes a new store, without a thread: at a node's first start nobody waits for an answer yet, and starting a thread
 * only to make a file took most of that start's time.
 */
import { copyBackAll, openStoreDatabase } from "./store-database.js";
import { settingsOf, type StoreOptions } from "./store-options.js";

/**
 * Makes the file of a store, or opens one whose making was broken off, syncs and closes it. Blocks.
 * @returns the store's id
 * @throws StoreFault if it can't be used; its lock is given back then
 */
export function makeStore(options: Omit<StoreOptions, "create">): string {
  const { database, mark, meta, settings } = openStoreDatabase(settingsOf({ ...options, create: true }));
  copyBackAll(database, settings.file);
  database.close();
  mark.close();
  return meta.storeId;
}
