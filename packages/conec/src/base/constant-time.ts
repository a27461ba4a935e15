/**
 * Comparing secrets.
 *
 * @module
 */

/** Whether two texts are equal. The time that it takes depends on their lengths only. */
export function equalInConstantTime(a: string, b: string): boolean {
	if (a.length !== b.length) return false;
	let difference = 0;
	for (let index = 0; index < a.length; index++) difference |= a.charCodeAt(index) ^ b.charCodeAt(index);
	return difference === 0;
}
