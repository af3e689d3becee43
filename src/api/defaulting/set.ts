/** Sets a member that is absent. */
export function setDefault<T extends object, K extends keyof T>(object: T, key: K, value: T[K]): void {
  if (object[key] === undefined || object[key] === null) object[key] = value
}
