/**
 * Memory that the process has and nobody uses.
 *
 * @module
 */

import { currentEnvironment } from "./environment.ts";
import { mapped } from "./errors.ts";

/**
 * Gives memory that is free back to the system. The allocator of glibc keeps most of what a flood took, until it is told to. It is done in a
 * thread of its own and takes milliseconds. On other systems than Linux with glibc it does nothing.
 *
 * @throws {@link QuicError} `QUIC_UNAVAILABLE`
 */
export function releaseMemory(): void {
	const { native } = currentEnvironment();
	mapped(() => native.releaseMemory());
}
