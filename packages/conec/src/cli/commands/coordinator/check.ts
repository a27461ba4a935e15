/**
 * `conec coordinator --check`: what the options come to and where each is from. Nothing is bound, made or written.
 *
 * @module
 */

import { createPrivateKey, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type { CoordinatorOptions } from "../../../index.ts";
import type { CommandContext } from "../../command-line/index.ts";
import { certificateFacts, expiryWarning } from "../../connecting/index.ts";
import { EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import { padToWidth } from "../../terminal/index.ts";
import { printable, quoted } from "../../text/index.ts";
import { limitPlaces } from "./limits.ts";
import { coordinatorSpec } from "./spec.ts";

/** Tells what has been read; what could not be read has been told before. Throws a usage error for what only the Coordinator would notice. */
export function check(options: CoordinatorOptions, { args, output, surroundings }: CommandContext): ExitCode {
	checkHost(options, args.named("host"));
	checkCertificates(options, args);
	const places = limitPlaces(args);
	const rows: Row[] = [];
	for (const [name, option] of Object.entries(coordinatorSpec.options)) {
		if (name === "check" || name === "limit") continue;
		const value = option.value === undefined ? (args.flag(name) ? "yes" : undefined) : args.text(name);
		if (value !== undefined) rows.push({ name, value, place: args.named(name) });
	}
	for (const [name, place] of places) rows.push({ name: `limit ${name}`, value: String(options.limits?.[name as keyof typeof options.limits]), place });
	const warnings = expiryWarnings(options, args.text("cert"), args.text("client-ca"), surroundings.clock.date().getTime());
	output.event(
		"checked",
		{
			options: Object.fromEntries(rows.filter(({ name }) => !name.startsWith("limit ")).map(({ name, value, place }) => [name, { value, from: place }])),
			limits: Object.fromEntries(
				rows.filter(({ name }) => name.startsWith("limit ")).map(({ name, value, place }) => [name.slice(6), { value: Number(value), from: place }]),
			),
			warnings,
		},
		undefined,
		"always",
	);
	output.line(rows.length === 0 ? "Everything is as it is by default; nothing is wrong." : "Nothing is wrong. What is given, and where:");
	const width = (of: (row: Row) => string): number => Math.max(0, ...rows.map((row) => of(row).length));
	const [names, values] = [
		width((row) => row.name),
		Math.min(
			40,
			width((row) => row.value),
		),
	];
	for (const { name, value, place } of rows) output.line(`  ${name.padEnd(names)}  ${padToWidth(printable(value), values)}  ${place}`);
	for (const warning of warnings) output.warn(warning);
	return EXIT_CODES.ok;
}

interface Row {
	readonly name: string;
	readonly value: string;
	readonly place: string;
}

function checkHost({ host }: CoordinatorOptions, place: string): void {
	if (host !== undefined && isIP(host) === 0) throw usageError(`${place} must be an IP address of this machine, not ${quoted(host)}`);
}

/** Reads the certificates as the Coordinator will, and whether the key belongs to the first of them. */
function checkCertificates({ certificate, privateKey, clientCa }: CoordinatorOptions, args: CommandContext["args"]): void {
	const [cert, ca] = [args.text("cert") ?? "", args.text("client-ca") ?? ""];
	if (clientCa !== undefined) certificateFacts(clientCa as Uint8Array, ca);
	if (certificate === undefined || privateKey === undefined) return;
	certificateFacts(certificate as Uint8Array, cert);
	const key = readKey(privateKey as Uint8Array, args);
	if (!new X509Certificate(certificate as Uint8Array).checkPrivateKey(key))
		throw usageError(`${args.named("key")} is not the key of the certificate in ${quoted(cert)}`, "Give the two files that were made together.");
}

function readKey(privateKey: Uint8Array, args: CommandContext["args"]): ReturnType<typeof createPrivateKey> {
	try {
		return createPrivateKey(Buffer.from(privateKey));
	} catch {
		throw usageError(
			`${args.named("key")}: there is no private key in ${quoted(args.text("key") ?? "")} that can be read`,
			"It must be PEM and not encrypted.",
		);
	}
}

function expiryWarnings({ certificate, clientCa }: CoordinatorOptions, cert: string | undefined, ca: string | undefined, nowMs: number): string[] {
	const all = [
		[certificate, cert ?? ""],
		[clientCa, ca ?? ""],
	] as const;
	return all.flatMap(([content, file]) => {
		if (content === undefined) return [];
		return certificateFacts(content as Uint8Array, file).flatMap((facts) => {
			const warning = expiryWarning(facts, nowMs);
			return warning === undefined ? [] : [`${quoted(facts.subject)} in ${quoted(file)} ${warning}`];
		});
	});
}
