/**
 * Ids that the application names.
 *
 * @module
 */

import { argumentError } from "../errors.ts";
import { idProblem } from "../wire/ids.ts";

/**
 * Checks the id of a Client. `action` begins the message: `Cannot open stream to "x"`.
 *
 * @throws TypeError `ID_INVALID`
 */
export function checkId(id: string, action: string): void {
	const problem = idProblem(id);
	if (problem !== undefined) throw argumentError("type", "ID_INVALID", `${action}: the id ${problem}`);
}
