/**
 * Bytes, wherever they were made.
 *
 * @module
 */

/** Reads which typed array a value is from what it is, and not from whose it is. */
const kindOf: (this: unknown) => unknown =
	Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get ?? (() => undefined);

/** Whether a value is a `Uint8Array` (or a Buffer), also one of another realm: `vm`, jsdom and Jest have a `Uint8Array` of their own. */
export function isBytes(value: unknown): value is Uint8Array {
	return value instanceof Uint8Array || kindOf.call(value) === "Uint8Array";
}

/** Whether a value is an object as `{}` makes it, or one without a prototype. It may be of another realm, whose `Object.prototype` is another. */
export function isPlainObject(value: object): boolean {
	const prototype: unknown = Object.getPrototypeOf(value);
	if (prototype === null || prototype === Object.prototype) return true;
	// That of another realm has no prototype either, and is what its own `constructor` makes.
	if (Object.getPrototypeOf(prototype) !== null || !Object.hasOwn(prototype as object, "constructor")) return false;
	const { constructor: maker } = prototype as { readonly constructor: unknown };
	return typeof maker === "function" && maker.name === "Object" && maker.prototype === prototype;
}
