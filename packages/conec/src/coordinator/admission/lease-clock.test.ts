import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { LEASE_FILE, parseLeases } from "./lease-file.ts";
import type { LeaseLimits } from "./leases.ts";
import { type CoordinatorState, openState } from "./state.ts";

const HOUR = 3_600_000;
const limits: LeaseLimits = { leaseMs: 24 * HOUR, leases: 10, leasesPerSource: 10 };
const key = `sha256:${"a".repeat(64)}`;

/** A machine with clocks that are told what to do: the wall clock of all processes, the clock of the boot, and that of each process. */
class Machine {
	readonly #t: TestContext;
	readonly directory: string;
	#boot = 1;
	#bootMs = 5_000;
	#processMs = 0;
	#wallMs = Date.UTC(2026, 10, 29, 12);
	state: CoordinatorState | undefined;

	private constructor(t: TestContext, directory: string) {
		this.#t = t;
		this.directory = directory;
		t.mock.timers.enable({ apis: ["Date"], now: this.#wallMs });
	}

	static async create(t: TestContext): Promise<Machine> {
		const machine = new Machine(t, await mkdtemp(join(tmpdir(), "conec-clock-")));
		t.after(async () => {
			await machine.state?.close();
			await rm(machine.directory, { recursive: true, force: true });
		});
		await machine.start();
		return machine;
	}

	/** Time passes on all clocks. */
	pass(ms: number): void {
		this.#bootMs += ms;
		this.#processMs += ms;
		this.setWallClock(this.#wallMs + ms);
	}

	/** Somebody, or NTP, sets the wall clock. */
	setWallClock(ms: number): void {
		this.#wallMs = ms;
		this.#t.mock.timers.setTime(ms);
	}

	stepWallClock(byMs: number): void {
		this.setWallClock(this.#wallMs + byMs);
	}

	/** The machine sleeps: only the wall clock goes on. */
	sleep(ms: number): void {
		this.stepWallClock(ms);
	}

	async start(): Promise<void> {
		this.#processMs = Math.random() * 1_000;
		const clock = { ...systemClock, now: () => this.#processMs };
		this.state = await openState(this.directory, limits, clock, () => ({ boot: this.#boot === 0 ? null : `boot ${this.#boot}`, ms: this.#bootMs }));
	}

	/** The Coordinator ends, and is away for so long. */
	async stop(awayMs = 0): Promise<void> {
		await this.state?.close();
		this.state = undefined;
		this.pass(awayMs);
	}

	/** The power was off for so long; the clock of the boot begins anew, with what the wall clock says then. */
	reboot(offMs: number, wallMs = this.#wallMs + offMs): void {
		this.#boot++;
		this.#bootMs = 5_000;
		this.setWallClock(wallMs);
	}

	/** A system that does not say which boot it is. */
	saysNoBoot(): void {
		this.#boot = 0;
	}

	/** Alice was here, and has left. */
	leave(): void {
		assert.equal(this.state?.leases.hold("alice", key, "s", this.#processMs), true);
		this.state?.leases.release("alice", key, this.#processMs);
	}

	/** How long the id is still hers; 0: it is free. */
	leftMs(): number {
		const lease = this.state?.leases.find("alice", this.#processMs);
		return lease?.untilMs === undefined ? 0 : Math.round(lease.untilMs - this.#processMs);
	}
}

const SCENARIOS: readonly (readonly [name: string, act: (machine: Machine) => void | Promise<void>, leftMs: number])[] = [
	["an hour passes", (m) => m.pass(HOUR), 23 * HOUR],
	["a day passes", (m) => m.pass(24 * HOUR), 0],
	["the wall clock is set forward by 25 h", (m) => m.stepWallClock(25 * HOUR), 24 * HOUR],
	[
		"the wall clock is 25 h ahead for some seconds",
		(m) => {
			m.stepWallClock(25 * HOUR);
			m.pass(3_000);
			m.stepWallClock(-25 * HOUR);
		},
		24 * HOUR - 3_000,
	],
	["the wall clock is set back by ten years", (m) => m.stepWallClock(-87_600 * HOUR), 24 * HOUR],
	[
		"the wall clock is set back by ten years and a day passes",
		(m) => {
			m.stepWallClock(-87_600 * HOUR);
			m.pass(24 * HOUR);
		},
		0,
	],
	["the wall clock is set to 1970", (m) => m.setWallClock(0), 24 * HOUR],
	["the machine sleeps for two days", (m) => m.sleep(48 * HOUR), 24 * HOUR],
	[
		"the machine sleeps, and then a day passes",
		(m) => {
			m.sleep(48 * HOUR);
			m.pass(24 * HOUR);
		},
		0,
	],
	[
		"a restart takes an hour",
		async (m) => {
			m.pass(2 * HOUR);
			await m.stop(HOUR);
			await m.start();
		},
		21 * HOUR,
	],
	[
		"a restart takes a day",
		async (m) => {
			await m.stop(24 * HOUR);
			await m.start();
		},
		0,
	],
	[
		"a restart, and the wall clock is ten years ahead then",
		async (m) => {
			await m.stop(HOUR);
			m.stepWallClock(87_600 * HOUR);
			await m.start();
		},
		23 * HOUR,
	],
	[
		"a restart, and the wall clock is ten years behind then",
		async (m) => {
			await m.stop(HOUR);
			m.stepWallClock(-87_600 * HOUR);
			await m.start();
		},
		23 * HOUR,
	],
	[
		"a restart, and the machine slept for a week meanwhile",
		async (m) => {
			await m.stop(HOUR);
			m.sleep(168 * HOUR);
			await m.start();
		},
		23 * HOUR,
	],
	[
		"a reboot without a battery clock: 1970, then the network tells the time",
		async (m) => {
			m.pass(HOUR);
			await m.stop();
			m.reboot(HOUR, 0);
			await m.start();
			m.pass(60_000);
			m.setWallClock(Date.UTC(2026, 10, 29, 14));
		},
		23 * HOUR - 60_000,
	],
	[
		"a reboot with a clock that is ahead, which is set right then",
		async (m) => {
			await m.stop();
			m.reboot(HOUR, Date.UTC(2099, 0, 1));
			await m.start();
			m.setWallClock(Date.UTC(2026, 10, 29, 13));
		},
		24 * HOUR,
	],
	[
		"a reboot after a month",
		async (m) => {
			m.pass(HOUR);
			await m.stop();
			m.reboot(720 * HOUR);
			await m.start();
		},
		23 * HOUR,
	],
	[
		"a restart on a system that does not say which boot it is",
		async (m) => {
			m.saysNoBoot();
			m.pass(HOUR);
			m.leave();
			await m.stop(HOUR);
			await m.start();
		},
		24 * HOUR,
	],
	[
		"a restart where the clock of the boot seems to have gone back",
		async (m) => {
			await m.stop(-2_000);
			await m.start();
		},
		24 * HOUR,
	],
];
for (const [name, act, leftMs] of SCENARIOS) {
	test(`lease clocks: ${name}`, async (t) => {
		const machine = await Machine.create(t);
		machine.leave();
		await act(machine);
		// Files have whole milliseconds, rounded so that nothing is lost.
		const left = machine.leftMs();
		assert.ok(left >= leftMs && left <= leftMs + 2, `${left} instead of ${leftMs}`);
		assert.ok(left <= limits.leaseMs, "never longer than a lease");
	});
}

test("lease clocks: what a lease has left is written again as it becomes less, so that losing the power gives little of it back", async (t) => {
	const directory = await mkdtemp(join(tmpdir(), "conec-clock-"));
	t.mock.timers.enable({ apis: ["setTimeout"] });
	let nowMs = 0;
	const state = await openState(directory, limits, { ...systemClock, now: () => nowMs }, () => ({ boot: null, ms: 0 }));
	t.after(async () => {
		await state.close();
		await rm(directory, { recursive: true, force: true });
	});
	const written = async (leftMs: number): Promise<void> => {
		for (const end = performance.now() + 60_000; ; ) {
			const text = await readFile(join(directory, LEASE_FILE), "utf8").catch(() => "");
			if (parseLeases(text)?.leases[0]?.leftMs === leftMs) return;
			assert.ok(performance.now() < end, text);
			await new Promise((resolve) => setImmediate(resolve));
			t.mock.timers.tick(60_000);
		}
	};
	state.leases.hold("alice", key, "s", nowMs);
	state.leases.release("alice", key, nowMs);
	await written(24 * HOUR);
	for (let hours = 1; hours < 4; hours++) {
		nowMs += HOUR;
		await written((24 - hours) * HOUR);
	}
});
