/**
 * The commands by name. Each is loaded one at a time, and what it takes apart from what it does, so that help starts no network code.
 *
 * @module
 */

import type { CommandEntry } from "../command-line/index.ts";
import { broadcast } from "./broadcast/index.ts";
import { certs } from "./certs/index.ts";
import { chat } from "./chat/index.ts";
import { completion } from "./completion/index.ts";
import { coordinator } from "./coordinator/index.ts";
import { demo } from "./demo/index.ts";
import { netcheck } from "./netcheck/index.ts";
import { peers } from "./peers/index.ts";
import { ping } from "./ping/index.ts";
import { pipe } from "./pipe/index.ts";
import { receive } from "./receive/index.ts";
import { send } from "./send/index.ts";

/** In the order in which help lists them. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
	coordinator,
	chat,
	send,
	receive,
	pipe,
	broadcast,
	ping,
	netcheck,
	peers,
	certs,
	demo,
	completion,
};
