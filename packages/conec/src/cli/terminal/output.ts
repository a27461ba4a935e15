/**
 * Everything that a command says: lines for people, or one JSON object per line for programs, and a progress line
 * that other lines never tear apart.
 *
 * @module
 */

import { inspect } from "node:util";
import type { JsonValue } from "../../index.ts";
import type { Clock, Sink, Timer } from "../surroundings/index.ts";
import { isTold, type LogLevel } from "../text/index.ts";
import { RateMeter, renderProgress } from "./progress.ts";

/** How to speak. */
export interface OutputOptions {
	readonly json: boolean;
	/** Lines and JSON; `stderr` keeps standard output for data. */
	readonly linesTo: "stdout" | "stderr";
	readonly env: Readonly<Record<string, string | undefined>>;
	readonly stdout: Sink;
	readonly stderr: Sink;
	/** Lines are a log: each that tells of something has the date and the time, and events have their level, which `level` counts for too. @default false */
	readonly isLog?: boolean;
	/** Lines are what the command is run for: they are told at every level. @default false */
	readonly isPurpose?: boolean;
	/** This and what is worse is told. @default "info" */
	readonly level?: LogLevel;
	readonly clock: Clock;
}

/** A line that steps aside while others are written. */
export interface LineBelow {
	hide(): void;
	show(): void;
}

/** Colours by meaning. */
export type Style = "bold" | "dim" | "green" | "red" | "yellow" | "cyan";

/** Fields of a JSON event; `undefined` is left out. */
export type EventFields = Readonly<Record<string, JsonValue | undefined>>;

/** Speaks to the user or the program that runs the command. Texts must be printable already. */
export class Output {
	/** Whether JSON was asked for. */
	readonly json: boolean;
	readonly #lines: Sink;
	readonly #stderr: Sink;
	readonly #color: boolean;
	readonly #isLog: boolean;
	readonly #isPurpose: boolean;
	readonly #level: LogLevel;
	readonly #clock: Clock;
	#progress: Progress | undefined;
	#below: LineBelow | undefined;

	constructor(options: OutputOptions) {
		this.json = options.json;
		this.#stderr = options.stderr;
		this.#lines = options.linesTo === "stdout" ? options.stdout : options.stderr;
		this.#color = usesColor(options.env, this.#lines);
		this.#isLog = options.isLog ?? false;
		this.#isPurpose = options.isPurpose ?? false;
		this.#level = options.level ?? "info";
		this.#clock = options.clock;
	}

	/**
	 * Something happened: a JSON object with the time (RFC 3339, UTC), or a line unless `text` is absent. The level decides about the line;
	 * about the object only in a log, where `"always"` is for what programs wait for.
	 */
	event(event: string, fields: EventFields, text?: string, level: LogLevel | "always" = "info"): void {
		const { json } = this;
		if (json && (!this.#isLog || level === "always" || isTold(level, this.#level))) this.#writeEvent({ event, ...fields }, level);
		if (!json && text !== undefined && this.#tellsLine(level)) this.#writeLine(this.#lines, this.#dated(text));
	}

	/** A line for people where lines go, never with a date; nothing in JSON. */
	line(text: string, level: LogLevel = "info"): void {
		if (!this.json && this.#tellsLine(level)) this.#writeLine(this.#lines, text);
	}

	/** A remark for people, on standard error; nothing in JSON. */
	note(text: string, level: LogLevel = "info"): void {
		if (!this.json && isTold(level, this.#level)) this.#writeLine(this.#stderr, this.#dated(text));
	}

	/** A remark about something that may go wrong. */
	warn(text: string): void {
		this.note(`warning: ${text}`, "warn");
	}

	/** A question to the user, on standard error, at every level; nothing in JSON. */
	ask(text: string): void {
		if (!this.json) this.#writeLine(this.#stderr, text);
	}

	/** An error: on standard error for people, and as an `error` event for programs. */
	error(message: string, hint: string | undefined, code: string | undefined): void {
		if (this.json) this.#writeEvent({ event: "error", code, message, hint }, "error");
		if (this.json && this.#lines === this.#stderr) return;
		this.#writeLine(this.#stderr, this.#dated(`${this.#paint(usesColor({}, this.#stderr) && this.#color, "red", "conec:")} ${message}`));
		if (hint !== undefined) this.#writeLine(this.#stderr, `       ${hint}`);
	}

	/** Everything that is known of an error, on standard error, to find its cause. */
	debug(error: unknown): void {
		this.#writeLine(this.#stderr, inspect(error));
	}

	/** Resolves when the reader of the lines has room for more. */
	async drained(): Promise<void> {
		await this.#lines.drained?.();
	}

	/** Colours text where lines go to a terminal. */
	style(style: Style, text: string): string {
		return this.#paint(this.#color, style, text);
	}

	/** Starts a progress line; only one at a time. Without a terminal it shows nothing. */
	startProgress(totalBytes: number | undefined): Progress {
		this.#progress?.end();
		const visible = !this.json && this.#stderr.isTTY === true && isTold("info", this.#level);
		this.#progress = new Progress(visible ? this.#stderr : undefined, totalBytes, this.#clock);
		this.#progress.paused = this.#below !== undefined;
		return this.#progress;
	}

	/** From now on this line, such as one that is being typed, stays below everything that is written, and no progress line is shown. `undefined` ends that. */
	keepBelow(line: LineBelow | undefined): void {
		this.#below = line;
		if (this.#progress !== undefined) this.#progress.paused = line !== undefined;
	}

	#tellsLine(level: LogLevel | "always"): boolean {
		return level === "always" || (this.#isPurpose && level !== "debug") || isTold(level, this.#level);
	}

	#writeEvent({ event, ...fields }: EventFields & { readonly event: string }, level: LogLevel | "always"): void {
		const logged = this.#isLog ? { level: level === "always" ? "info" : level } : {};
		this.#lines.write(`${visibleJson({ event, time: this.#clock.date().toISOString(), ...logged, ...fields })}\n`);
	}

	#dated(text: string): string {
		return this.#isLog ? `${localTime(this.#clock.date())} ${text}` : text;
	}

	#writeLine(sink: Sink, text: string): void {
		this.#progress?.erase();
		this.#below?.hide();
		sink.write(`${text}\n`);
		this.#below?.show();
		this.#progress?.redraw();
	}

	#paint(color: boolean, style: Style, text: string): string {
		return color ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
	}
}

/** A line at the bottom of a terminal, drawn at most ten times a second. */
export class Progress {
	/** Shown at the left. */
	label = "";
	readonly #sink: Sink | undefined;
	readonly #totalBytes: number | undefined;
	readonly #meter = new RateMeter();
	readonly #clock: Clock;
	#timer: Timer | undefined;
	#doneBytes = 0;
	/** Of these. They say nothing of the rate. */
	#skippedBytes = 0;
	#isSkipping = false;
	#drawnAtMs = 0;
	#shown = false;
	#paused = false;

	constructor(sink: Sink | undefined, totalBytes: number | undefined, clock: Clock) {
		this.#sink = sink;
		this.#clock = clock;
		this.#totalBytes = totalBytes;
		if (sink === undefined) return;
		this.#meter.sample(clock.nowMs(), 0);
		this.#drawSoon();
	}

	/** While this is set, nothing is drawn. */
	set paused(paused: boolean) {
		this.#paused = paused;
		if (paused) this.erase();
	}

	/** That many bytes more. */
	add(bytes: number): void {
		this.#isSkipping = false;
		this.#done(bytes);
	}

	/** That many bytes more that need not move. */
	skip(bytes: number): void {
		this.#skippedBytes += bytes;
		this.#isSkipping = true;
		this.#done(bytes);
	}

	/** Removes the line for good. */
	end(): void {
		this.#timer?.cancel();
		this.erase();
		this.#drawnAtMs = Number.POSITIVE_INFINITY;
	}

	/** Removes the line until the next drawing. */
	erase(): void {
		if (!this.#shown) return;
		this.#sink?.write("\r\u001b[K");
		this.#shown = false;
	}

	/** Draws again after {@link erase}. */
	redraw(): void {
		if (this.#sink !== undefined && Number.isFinite(this.#drawnAtMs) && this.#drawnAtMs > 0) this.#draw(this.#clock.nowMs());
	}

	#done(bytes: number): void {
		this.#doneBytes += bytes;
		if (this.#sink === undefined) return;
		const now = this.#clock.nowMs();
		if (now - this.#drawnAtMs >= 100) this.#draw(now);
	}

	/** A stalled transfer must show that it is stalled. */
	#drawSoon(): void {
		const draw = (): void => {
			this.#drawSoon();
			this.#draw(this.#clock.nowMs());
		};
		this.#timer = this.#clock.after(500, draw, "background");
	}

	#draw(now: number): void {
		if (this.#paused || this.#drawnAtMs === Number.POSITIVE_INFINITY) return;
		this.#drawnAtMs = now;
		const movedBytes = this.#doneBytes - this.#skippedBytes;
		this.#meter.sample(now, movedBytes);
		if (this.#sink?.isBehind === true) return;
		const line = renderProgress({
			label: this.label,
			doneBytes: this.#doneBytes,
			totalBytes: this.#totalBytes,
			bytesPerSecond: this.#isSkipping ? undefined : this.#meter.rate(now, movedBytes),
			columns: this.#sink?.columns ?? 80,
		});
		this.#sink?.write(`\r${line}\u001b[K`);
		this.#shown = true;
	}
}

/** JSON often ends up on a terminal. Text of peers must not steer the terminal and must not look like something else. Escapes keep every value as it is. */
function visibleJson(value: EventFields): string {
	return JSON.stringify(value).replace(INVISIBLE, (character) =>
		Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`).join(""),
	);
}

/** The characters that JSON leaves alone and `printable` does not: DEL, C1, format characters, line separators, and characters that show nothing. */
const INVISIBLE = /(?![\ufe0e\ufe0f])[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;

/** Colour only on a terminal that has some and whose user has not said no (https://no-color.org). */
export function usesColor(env: Readonly<Record<string, string | undefined>>, sink: Sink): boolean {
	return sink.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

/** `2026-11-29 12:00:00+01:00`: local, with its distance from UTC. */
export function localTime(date: Date): string {
	const offset = -date.getTimezoneOffset();
	const local = new Date(date.getTime() + offset * 60_000).toISOString();
	const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) => String(part).padStart(2, "0"));
	return `${local.slice(0, 10)} ${local.slice(11, 19)}${offset < 0 ? "-" : "+"}${hours}:${minutes}`;
}

const STYLES: Readonly<Record<Style, string>> = { bold: "1", dim: "2", green: "32", red: "31", yellow: "33", cyan: "36" };
