/**
 * `conec certs`: a private authority and what it issues, as files.
 *
 * @module
 */

import { X509Certificate } from "node:crypto";
import { readdir } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { type CertificateAndKey, createCertificateAuthority, issueCertificate, type KeyType } from "../../../index.ts";
import type { Command, CommandContext } from "../../command-line/index.ts";
import { type CertificateFacts, certificateFacts, day, daysLeft, expiryWarning, readNamed } from "../../connecting/index.ts";
import { CliError, EXIT_CODES, type ExitCode, usageError } from "../../outcome/index.ts";
import { printable, quoted } from "../../text/index.ts";
import {
	AUTHORITY,
	assertFree,
	type CertificatePaths,
	certificatePaths,
	isPrivate,
	makeDirectory,
	readMade,
	writeBoth,
	writeWhole,
} from "./certificate-files.ts";
import { certsSpec } from "./spec.ts";

/** See `conec certs --help`. */
export const certsCommand: Command = {
	spec: certsSpec,
	linesTo: "stdout",
	// A half-made certificate would be worse than a line that nobody reads.
	outputRole: ({ operands }) => (operands[0] === "show" ? "purpose" : "report"),
	async run(context) {
		const [action = "", ...operands] = context.args.operands;
		const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
		if (run === undefined) throw usageError(`${quoted(action)} is not init, issue, show or renew`, "See: conec certs --help");
		for (const [option, actions] of Object.entries(ONLY_FOR)) {
			if (!actions.includes(action) && context.args.typed(option)) throw usageError(`--${option} is for ${actions.join(" and ")} only`);
		}
		return await run(operands, context);
	},
};

const ACTIONS: Readonly<Record<string, (operands: readonly string[], context: CommandContext) => Promise<ExitCode>>> = { init, issue, show, renew };

const ONLY_FOR: Readonly<Record<string, readonly string[]>> = {
	dir: ["init", "issue", "renew"],
	days: ["init", "issue", "renew"],
	name: ["init"],
	"key-type": ["init", "issue"],
	force: ["init", "issue"],
};

const DEFAULT_DIRECTORY = "conec-certs";
const DEFAULT_AUTHORITY_NAME = "conec private authority";
const DAY_MS = 86_400_000;

async function init(operands: readonly string[], context: CommandContext): Promise<ExitCode> {
	const { args, output } = context;
	if (operands.length > 0) throw usageError(`unexpected argument ${quoted(operands[0] ?? "")}`, "Give the authority's name with --name.");
	const directory = directoryOf(context);
	const paths = certificatePaths(directory, AUTHORITY);
	await makeDirectory(directory);
	await assertFree(paths, args.flag("force"));
	const made = await createCertificateAuthority({ name: args.text("name") ?? DEFAULT_AUTHORITY_NAME, ...making(context) });
	await writeBoth(paths, made, args.flag("force"), context.surroundings);
	await tell("authority", "made authority", paths, made, context);
	output.line("  give the certificate to everybody (--ca, --client-ca); keep the key where no Client and no Coordinator runs");
	return EXIT_CODES.ok;
}

async function issue(names: readonly string[], context: CommandContext): Promise<ExitCode> {
	const { args } = context;
	const [name, ...alternativeNames] = names;
	if (name === undefined) throw usageError("NAME is missing", "A NAME is an id, a host name or an IP address. A Coordinator may have several.");
	if (name.toLowerCase() === AUTHORITY) throw usageError(`${quoted(name)} is the name of the authority's files`, "Choose another name.");
	checkNames(names);
	const directory = directoryOf(context);
	const authority = await readAuthority(directory);
	// The name is checked here, before it becomes part of a path.
	const made = await issueCertificate(authority, name, { alternativeNames, ...making(context) });
	const paths = certificatePaths(directory, fileName(name));
	await assertFree(paths, args.flag("force"));
	await writeBoth(paths, made, args.flag("force"), context.surroundings);
	await tell("issued", `issued ${names.map(quoted).join(", ")}`, paths, made, context);
	return EXIT_CODES.ok;
}

/** A name in capitals would become another one: ids have none. Throws a usage error, as `--id` does. Capitals in an IPv6 address are digits. */
function checkNames(names: readonly string[]): void {
	const wrong = names.find((name) => isIP(name) === 0 && name !== name.toLowerCase());
	if (wrong === undefined) return;
	throw usageError(`NAME cannot be ${quoted(wrong)}: names have no capitals`, `Write it in lower case: ${printable(wrong.toLowerCase(), 300)}`);
}

/** The name of its files. */
function fileName(name: string): string {
	return name.toLowerCase();
}

async function show(files: readonly string[], { output, surroundings }: CommandContext): Promise<ExitCode> {
	const nowMs = surroundings.clock.date().getTime();
	if (files.length === 0) throw usageError("FILE is missing", "See: conec certs --help");
	for (const file of files) {
		for (const facts of certificateFacts(await readNamed(file, "FILE"), file)) {
			const warning = expiryWarning(facts, nowMs);
			output.event("certificate", { file, ...jsonOf(facts), warning });
			const { kind, subject, issuer, selfSigned, names, from, to, key, fingerprint, serial } = facts;
			output.line(`${output.style("bold", printable(file))}: ${kind} ${quoted(subject)}`);
			if (names.length > 0) output.line(`  names        ${names.join(", ")}`);
			output.line(`  issued by    ${selfSigned ? "itself" : quoted(issuer)}`);
			output.line(`  valid        ${day(from)} to ${day(to)}${to.getTime() > nowMs ? ` (${daysLeft(to, nowMs)} left)` : ""}`);
			output.line(`  key          ${key}`);
			output.line(`  fingerprint  ${fingerprint}`);
			output.line(`  serial       ${serial}`);
			if (warning !== undefined) output.line(`  ${output.style("yellow", `warning      it ${warning}`)}`);
		}
	}
	return EXIT_CODES.ok;
}

async function renew(names: readonly string[], context: CommandContext): Promise<ExitCode> {
	const { output } = context;
	const directory = directoryOf(context);
	checkNames(names);
	const chosen = names.length > 0 ? names.map(fileName) : await expiring(directory, context);
	// The authority first: nothing that it issues lasts longer than itself.
	const sorted = [...new Set(chosen)].sort((a, b) => Number(b === AUTHORITY) - Number(a === AUTHORITY));
	for (const name of sorted) {
		if (!/^[a-z0-9_.:-]+$/.test(name) || name.startsWith(".")) throw usageError(`${quoted(name)} is not the name of a certificate`);
		const paths = certificatePaths(directory, name);
		const made = await renewed(name, paths, directory, context);
		await writeWhole(paths.certificate, made.certificate, 0o644, true, context.surroundings);
		await tell("renewed", `renewed ${quoted(name)}`, paths, made, context);
	}
	if (sorted.length === 0)
		output.event("renewed", { count: 0 }, `nothing in ${printable(directory)} expires within 30 days; name the certificates to renew them anyway`);
	if (sorted.includes(AUTHORITY)) output.line("  give the authority's new certificate to everybody; what it issued before stays valid");
	else if (sorted.length > 0) output.line("  put it in place, then `kill -HUP` the Coordinator, or start the Client again");
	return EXIT_CODES.ok;
}

/** The same names, the same key, and as long as before unless `--days` says otherwise. */
async function renewed(name: string, paths: CertificatePaths, directory: string, context: CommandContext): Promise<CertificateAndKey> {
	const hint = `There is no certificate to renew. Make one with: conec certs ${name === AUTHORITY ? "init" : "issue"}`;
	const [certificate, privateKey] = [await readMade(paths.certificate, hint), await readMade(paths.privateKey, hint)];
	const before = certificateFacts(certificate, paths.certificate)[0] as CertificateFacts;
	const lasted = Math.min(36_500, Math.max(1, Math.round((before.to.getTime() - before.from.getTime()) / DAY_MS)));
	const { days } = optionsOf(context);
	const validForDays = days ?? lasted;
	if (name === AUTHORITY) {
		const authority = await createCertificateAuthority({ name: before.subject, validForDays, privateKey });
		if (new X509Certificate(authority.certificate).subject !== new X509Certificate(certificate).subject)
			throw new CliError(
				EXIT_CODES.failed,
				`Cannot renew ${quoted(paths.certificate)}: it was not made by conec certs init`,
				"Renew it with the program that made it.",
			);
		return authority;
	}
	const [first, ...alternativeNames] = before.names.map((one) => one.toLowerCase());
	if (first === undefined) throw new CliError(EXIT_CODES.failed, `Cannot renew ${quoted(paths.certificate)}: there is no name in it`);
	return await issueCertificate(await readAuthority(directory), first, { alternativeNames, validForDays, privateKey });
}

/** Names of certificates in the directory, the authority's included, that expire within 30 days. Files of others are left out. */
async function expiring(directory: string, { surroundings }: CommandContext): Promise<string[]> {
	await readAuthority(directory);
	const nowMs = surroundings.clock.date().getTime();
	const files = await readdir(directory);
	const found: string[] = [];
	for (const file of files.filter((one) => one.endsWith(".pem") && files.includes(`${one.slice(0, -4)}.key`)).sort()) {
		const path = join(directory, file);
		const [facts] = certificateFacts(await readMade(path, "Check --dir."), path);
		if (facts !== undefined && expiryWarning(facts, nowMs) !== undefined) found.push(file.slice(0, -4));
	}
	return found;
}

async function readAuthority(directory: string): Promise<{ certificate: Buffer; privateKey: Buffer }> {
	const paths = certificatePaths(directory, AUTHORITY);
	const hint = "Make the authority first with: conec certs init. If there is one, give its directory with --dir.";
	return { certificate: await readMade(paths.certificate, hint), privateKey: await readMade(paths.privateKey, hint) };
}

async function tell(event: string, text: string, paths: CertificatePaths, made: CertificateAndKey, { output, surroundings }: CommandContext): Promise<void> {
	const nowMs = surroundings.clock.date().getTime();
	const hasModes = surroundings.platform !== "win32";
	const kept = hasModes && (await isPrivate(paths.privateKey));
	const facts = certificateFacts(Buffer.from(made.certificate), paths.certificate)[0] as CertificateFacts;
	output.event(event, { ...jsonOf(facts), certificate: paths.certificate, privateKey: paths.privateKey });
	output.line(`${text}, valid until ${day(facts.to)} (${daysLeft(facts.to, nowMs)})`);
	output.line(`  certificate  ${printable(paths.certificate)}`);
	output.line(`  key          ${printable(paths.privateKey)}${kept ? " (only you can read it)" : ""}`);
	output.line(`  fingerprint  ${facts.fingerprint}`);
	if (hasModes && !kept)
		output.warn(`others can read ${quoted(paths.privateKey)}: its mode or its file system allows it. Move it to a place that only you can read`);
	const warning = expiryWarning(facts, nowMs);
	if (warning !== undefined) output.warn(`${quoted(facts.subject)} ${warning}`);
}

function jsonOf({ kind, subject, issuer, names, from, to, key, fingerprint, serial }: CertificateFacts): Record<string, string | string[]> {
	return { kind, subject, issuer, names: [...names], from: from.toISOString(), to: to.toISOString(), key, fingerprint, serial };
}

function directoryOf({ args }: CommandContext): string {
	return args.text("dir") ?? DEFAULT_DIRECTORY;
}

function optionsOf({ args }: CommandContext): { days: number | undefined; keyType: string | undefined } {
	return { days: args.count("days", 1, 36_500), keyType: args.text("key-type") };
}

/** What the library makes of the options; it checks the type of the key itself. */
function making(context: CommandContext): { validForDays?: number; keyType?: KeyType } {
	const { days, keyType } = optionsOf(context);
	return { ...(days === undefined ? {} : { validForDays: days }), ...(keyType === undefined ? {} : { keyType: keyType as KeyType }) };
}
