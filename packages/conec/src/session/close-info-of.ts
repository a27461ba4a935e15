/**
 * From the end of a connection to what the application is told.
 *
 * @module
 */

import type { CloseInfo } from "../base/close-info.ts";
import type { ConecErrorCode } from "../errors.ts";
import type { TransportCloseInfo } from "../transport/transport.ts";
import { CLOSE_CODES, errorCodeOfClose } from "../wire/codes.ts";

/** How a connection ended, with `lostCode` for an end that nobody explained. */
export function closeInfoOf(info: TransportCloseInfo, lostCode: ConecErrorCode): CloseInfo {
	if (info.by === "error") {
		const code = info.error === undefined || info.error.code === "CONNECTION_LOST" ? lostCode : info.error.code;
		return { by: "error", code, reason: info.error?.message ?? info.reason };
	}
	const meaning = info.closeCode === undefined ? lostCode : errorCodeOfClose(info.closeCode);
	const known = meaning !== undefined || info.closeCode === CLOSE_CODES.NORMAL || info.closeCode === CLOSE_CODES.REFUSED;
	const code = known ? meaning : lostCode;
	return { by: info.by, ...(code === undefined ? {} : { code }), ...(info.reason === "" ? {} : { reason: info.reason }) };
}
