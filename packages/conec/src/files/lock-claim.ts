/**
 * Claims to a lock, and what is heard of the claims of others.
 *
 * A claim has a name that nobody else ever has, and others see it from its first moment to its last. Whoever has published a
 * claim and then sees no other living one holds the lock: of two, at least the later one sees the other. So no file is ever
 * replaced or taken from somebody, and what is dead can be removed by anybody at any time.
 *
 * @module
 */

import { type ProcessIdentity, safeHostName } from "./process-identity.ts";

/** This process's claim, visible to others. */
export interface Claim {
	/** Unique; of two that claim at once the lower one goes on. */
	readonly id: string;
	/** Its file. */
	readonly path: string;
	/** It holds the lock now, and says so to whoever asks or has asked. */
	hold(): void;
	/** Whether others can still see it: not so when its directory was removed or replaced. */
	isVisible(): Promise<boolean>;
	/** Takes it back. Idempotent; never throws. */
	withdraw(): void;
}

/** What is heard of another's claim. */
export type Answer =
	/** It is not there any more, or its process is not. */
	| { readonly type: "gone" }
	/** It was there and said nothing: ask again. */
	| { readonly type: "unclear" }
	/** It is not decided yet. `outcome` waits until it is: `gone`, `held` or `silent`. It is asked for of those only that are waited for, as it may take looking again and again. */
	| { readonly type: "claims"; outcome(): Promise<Answer> }
	| { readonly type: "held"; readonly holder: Holder | undefined }
	/** It lives but does not answer, or may not be asked. */
	| { readonly type: "silent"; readonly errno: string | undefined };

/** Another's claim. */
export interface Rival {
	readonly id: string;
	ask(): Promise<Answer>;
}

/** What a holder says of itself. */
export type Holder = Pick<ProcessIdentity, "pid" | "space" | "host">;

/** The holder in words that follow "in use by". */
export function describeHolder(holder: Holder | undefined, space: string | null): string {
	if (holder === undefined) return "another process";
	if (holder.space === space && holder.host === safeHostName()) return `process ${holder.pid}`;
	return `process ${holder.pid} of another container or machine, ${JSON.stringify(holder.host)}`;
}

/** Reads what a holder says of itself; `undefined` for anything else. */
export function parseHolder(value: unknown): Holder | undefined {
	const { pid, space, host } = (value ?? {}) as Readonly<Record<string, unknown>>;
	if (!Number.isSafeInteger(pid) || (pid as number) <= 0 || (typeof space !== "string" && space !== null) || typeof host !== "string") return undefined;
	return { pid: pid as number, space, host: host.slice(0, 255) };
}

/** How a contest for a lock went. */
export type Contest =
	| { readonly type: "won"; readonly claim: Claim }
	| { readonly type: "lost"; readonly to: Exclude<Answer, { type: "gone" | "unclear" | "claims" }> };

/**
 * Publishes claims until the lock is held, or somebody else is found to hold it. Ends within about `limitMs`, or after some rounds
 * in which others made way: where files take seconds, that is no reason for all of them to give up.
 *
 * Rejects with what `publish` or `rivals` rejects with; then no claim of this process is left.
 */
export async function contend(publish: () => Promise<Claim>, rivals: (own: string) => Promise<Rival[]>, limitMs: number): Promise<Contest> {
	const deadlineMs = performance.now() + limitMs;
	let rounds = 0;
	const isOver = (madeWay = true): boolean => (rounds++ >= LEAST_ROUNDS || !madeWay) && performance.now() >= deadlineMs;
	for (;;) {
		const claim = await publish();
		try {
			const verdict = await judge(claim.id, () => rivals(claim.id), isOver);
			if (verdict.type === "won") {
				claim.hold();
				return { type: "won", claim };
			}
			claim.withdraw();
			if (verdict.type === "lost") return verdict;
			// Somebody with a lower claim goes first; whoever that is may still fail.
			const outcome = await verdict.before();
			if (outcome.type === "held" || outcome.type === "silent") return { type: "lost", to: outcome };
			if (isOver()) return { type: "lost", to: SILENT };
		} catch (error) {
			claim.withdraw();
			throw error;
		}
	}
}

type Verdict =
	| { readonly type: "won" }
	| { readonly type: "lost"; readonly to: Extract<Answer, { type: "held" | "silent" }> }
	| { readonly type: "later"; before(): Promise<Answer> };

async function judge(own: string, rivals: () => Promise<Rival[]>, isOver: (madeWay: boolean) => boolean): Promise<Verdict> {
	for (;;) {
		const others = await rivals();
		const answers = await Promise.all(others.map(async (rival) => ({ id: rival.id, answer: await rival.ask() })));
		const taken = answers.map(({ answer }) => answer).find((answer) => answer.type === "held" || answer.type === "silent");
		if (taken?.type === "held" || taken?.type === "silent") return { type: "lost", to: taken };
		const claims = answers.flatMap(({ id, answer }) => (answer.type === "claims" ? [{ id, outcome: answer.outcome }] : []));
		const before = claims.filter(({ id }) => id < own).sort((a, b) => (a.id < b.id ? -1 : 1))[0];
		if (before !== undefined) return { type: "later", before: before.outcome };
		const isUnclear = answers.some(({ answer }) => answer.type === "unclear");
		if (claims.length === 0 && !isUnclear) return { type: "won" };
		if (isOver(!isUnclear)) return { type: "lost", to: SILENT };
		// Those with higher claims either see this one and go, or have it already.
		const outcomes = await Promise.all(claims.map(({ outcome }) => outcome()));
		const decided = outcomes.find((outcome) => outcome.type === "held" || outcome.type === "silent");
		if (decided?.type === "held" || decided?.type === "silent") return { type: "lost", to: decided };
		if (isUnclear) await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
	}
}

const ASK_AGAIN_MS = 25;

/** Each of them ends with somebody who has gone, or soon. */
const LEAST_ROUNDS = 20;

const SILENT = { type: "silent", errno: undefined } as const;
