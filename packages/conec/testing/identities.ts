/**
 * Identities for worlds, made once: making one takes randomness and time. Their keys are published here, so they protect nothing.
 *
 * @module
 */

import { type LocalIdentity, parseIdentity } from "../src/tls/identity.ts";

/** An identity as options take it, and its fingerprint. */
export interface TestIdentity {
	readonly certificate: Uint8Array;
	readonly privateKey: Uint8Array;
	readonly fingerprint: string;
}

/** By the name in the certificate, valid from 2025-12-31 for ten years: "localhost" is the Coordinator's. */
export function testIdentity(name: string): TestIdentity {
	const known = parsed.get(name);
	if (known !== undefined) return known;
	const row = TABLE.find(([of]) => of === name);
	if (row === undefined) throw new RangeError(`There is no identity of that name: ${name}`);
	const [certificate, privateKey] = [decode(row[1]), decode(row[2])];
	const { fingerprint }: LocalIdentity = parseIdentity(certificate, privateKey);
	const identity: TestIdentity = { certificate, privateKey, fingerprint };
	parsed.set(name, identity);
	return identity;
}

const parsed: Map<string, TestIdentity> = new Map();

const decode = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));

/** Name, certificate (DER) and ECDSA P-256 key (PKCS#8), in base64. */
const TABLE: readonly (readonly [name: string, certificate: string, privateKey: string])[] = [
	[
		"localhost",
		"MIIBbTCCAROgAwIBAgIQWyT95UOU70bkt/1rPL3inzAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwHhcNMjUxMjMwMjM1NTAwWhcNMzUxMjMxMDAwMDAwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATLPOsfENoodrFgx3XOza6bNCLx7qO4MuA7f64TvQquJZjxjqozuDiL5yRXj4ZujZ4U085M5Kp98CMKfOapf6aho0cwRTAUBgNVHREEDTALgglsb2NhbGhvc3QwDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAKBggqhkjOPQQDAgNIADBFAiAEPFEBikm3ZcOEy5Uom864nxD+Lm/Lr8Razgov2wogIwIhAI+Aeh0/+chW/TVfG1+ccO0IxVW2aYnp8YPgygxSoXHu",
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgnpsoeqAFO+dkbYaZtCAMvGZGwA7jRP98N8P5aHd/ZBqhRANCAATLPOsfENoodrFgx3XOza6bNCLx7qO4MuA7f64TvQquJZjxjqozuDiL5yRXj4ZujZ4U085M5Kp98CMKfOapf6ah",
	],
	[
		"ann",
		"MIIBXDCCAQGgAwIBAgIQckBBlTSJ9cILRkbDqq87MDAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANhbm4wHhcNMjUxMjMwMjM1NTAwWhcNMzUxMjMxMDAwMDAwWjAOMQwwCgYDVQQDDANhbm4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARmiiYifNW11EMHDVPJoyyaXo1eZEooJ6QeNsyfgbO5zOdGTbyGeHKxTLHX6AU3+vzDyM79R8czsGyc2y1sg8a8o0EwPzAOBgNVHREEBzAFggNhbm4wDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAKBggqhkjOPQQDAgNJADBGAiEAoemfj5RNBNPTBKAKkPCXUyzX/XWu8Yt7hOHKqR3LjroCIQDLCHr/w49ekwFpWWgrxc9Q/BJ1fT+bwDnISxYSYLZrdA==",
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgC0PqTVPhBBuTFwkj57Vnacr9c7g6ka5XwlaNv+PNJjahRANCAARmiiYifNW11EMHDVPJoyyaXo1eZEooJ6QeNsyfgbO5zOdGTbyGeHKxTLHX6AU3+vzDyM79R8czsGyc2y1sg8a8",
	],
	[
		"ben",
		"MIIBWzCCAQGgAwIBAgIQeflie9LAvE7YHCTiSvOjKTAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANiZW4wHhcNMjUxMjMwMjM1NTAwWhcNMzUxMjMxMDAwMDAwWjAOMQwwCgYDVQQDDANiZW4wWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQEN9pMMB+7cnD3OkJddFN+LyEqAoo/nftGM8Sc84oWQrmJ7uwLbkLB/hZKwjkL3B5ebWHNpu6foU7sDj5kTFTKo0EwPzAOBgNVHREEBzAFggNiZW4wDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAKBggqhkjOPQQDAgNIADBFAiEA55FIlWS/iB+qyJbwkZ2Et5EEScvaq25eLUG1qdhHZRoCIBIymt2sDRO0dWEaGBq0AAIG4BvztRSDQ9aEO1RAJJXJ",
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgJ9W/gxC+pjPsFcJg8LV5iPdLlxxmXOJjTX76C36X48ShRANCAAQEN9pMMB+7cnD3OkJddFN+LyEqAoo/nftGM8Sc84oWQrmJ7uwLbkLB/hZKwjkL3B5ebWHNpu6foU7sDj5kTFTK",
	],
	[
		"cid",
		"MIIBWzCCAQGgAwIBAgIQX7eGJr7qZGg1Xr+3o00AHzAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANjaWQwHhcNMjUxMjMwMjM1NTAwWhcNMzUxMjMxMDAwMDAwWjAOMQwwCgYDVQQDDANjaWQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAS/nJIUgGci+nXhMu+5u2Z15NOqIdA5fLIy3pzvbCT5vn90Narg7vN9PDPoyH8RHb9EHOFGE296lRhoMCFCNrTjo0EwPzAOBgNVHREEBzAFggNjaWQwDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAKBggqhkjOPQQDAgNIADBFAiEAkLSi5nsFTM9noCuaFzNG79bZqkxK3t77Kz3w0+PUHa0CIB2p01lKyVPbnFzvxrQeYRGEv09yg1zPskIet2ps4fCc",
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/JqY1I6z8J8VV7C/iRICy8hFgRD2kJedJiWblKZSrYKhRANCAAS/nJIUgGci+nXhMu+5u2Z15NOqIdA5fLIy3pzvbCT5vn90Narg7vN9PDPoyH8RHb9EHOFGE296lRhoMCFCNrTj",
	],
	[
		"dee",
		"MIIBWzCCAQGgAwIBAgIQck4mjx61XST3z5A0b3g19jAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANkZWUwHhcNMjUxMjMwMjM1NTAwWhcNMzUxMjMxMDAwMDAwWjAOMQwwCgYDVQQDDANkZWUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASJsgQRgKT/H12ZEyH4Zsco2aOK2lTf44nVqTmeUiNrUaw1XeQT4xSdJAxELexEkQwOpaOneZ8k8iR3rS9YDWUvo0EwPzAOBgNVHREEBzAFggNkZWUwDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAKBggqhkjOPQQDAgNIADBFAiEAk2ZJltiPxEh9uNeghzrx3HqfDClAFv2TSAiGP2DQyaECIFcSQj01AlQHeJrIocTvdahOdR4ptP7J+OWdhK2fKqxo",
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgBXnQ00eknXr/zqBtIfnuCMzqhaVGes7mh5dQKzSpNIuhRANCAASJsgQRgKT/H12ZEyH4Zsco2aOK2lTf44nVqTmeUiNrUaw1XeQT4xSdJAxELexEkQwOpaOneZ8k8iR3rS9YDWUv",
	],
	[
		"eve",
		"MIIBXDCCAQGgAwIBAgIQXSI9iV1aL6AgKyroARPodTAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANldmUwHhcNMjUxMjMwMjM1NTAwWhcNMzUxMjMxMDAwMDAwWjAOMQwwCgYDVQQDDANldmUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASPd+/a3uBvFoA22mXAOpm6urHNxrO3x0yi1zliGcwW0Qt0CxbOF+HP+0fg+50wvgm4klI/i5pmwU40y0uNayHzo0EwPzAOBgNVHREEBzAFggNldmUwDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAKBggqhkjOPQQDAgNJADBGAiEAz7hfslUpISoGmv4kaS48emBe8UORWrbf9xDJhD9fM+0CIQDFWASSP+wGusU6T3O6im2hIvCbXr+Qr23EZSXDfDfYxQ==",
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgrF5vA2CP5dfxxd3DOlwMnYAx+dup+iVWUZI1kpFW9AihRANCAASPd+/a3uBvFoA22mXAOpm6urHNxrO3x0yi1zliGcwW0Qt0CxbOF+HP+0fg+50wvgm4klI/i5pmwU40y0uNayHz",
	],
	[
		"fay",
		"MIIBWjCCAQGgAwIBAgIQcpROpZvrIRw9B+dbFabnwjAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANmYXkwHhcNMjUxMjMwMjM1NTAwWhcNMzUxMjMxMDAwMDAwWjAOMQwwCgYDVQQDDANmYXkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARyaZK1mcMCX7yYUgyLyK25Wzzkx9jdAmyllzotrsg4n9NxOkWCYUEeMOSZ+0PY9HuRqqaoejSl0HNCw7yFP4j5o0EwPzAOBgNVHREEBzAFggNmYXkwDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAKBggqhkjOPQQDAgNHADBEAiABgWaZl0Cfbaea1AgRI0wCeQTQ6R0zKQ0uy3Hqmr01FQIgWekBE3IjGFywMI6pDFaUkS8veL6hhvJG4gvz9KSOlQg=",
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgQ8wZbHnirvsKyYIgNheW2Xn5LmBKrjZvdMBHY5q+dWyhRANCAARyaZK1mcMCX7yYUgyLyK25Wzzkx9jdAmyllzotrsg4n9NxOkWCYUEeMOSZ+0PY9HuRqqaoejSl0HNCw7yFP4j5",
	],
	[
		"gus",
		"MIIBWjCCAQGgAwIBAgIQXlBzQX6pDjvwgMn/xD057zAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANndXMwHhcNMjUxMjMwMjM1NTAwWhcNMzUxMjMxMDAwMDAwWjAOMQwwCgYDVQQDDANndXMwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQxTxIDL79tCi08yusUAu/lAN9fUFp1j7ggAyzu53+jhtKnZkOemh421ZyNSs3JEZRrTuQZxdCfyE5iN/xL8c0Io0EwPzAOBgNVHREEBzAFggNndXMwDgYDVR0PAQH/BAQDAgeAMB0GA1UdJQQWMBQGCCsGAQUFBwMBBggrBgEFBQcDAjAKBggqhkjOPQQDAgNHADBEAiAgvTRyr65eenC/1hbobba2LZWg3fznyeLUEBm5Rb+FRAIgAy6MmMtacLXlYPD7milsd75qMHmWxw6apiMUMAwMdB4=",
		"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpdatmx9XBJldoO+8ZzQzmb6MHS/tLWPHJLnkk6ZteOShRANCAAQxTxIDL79tCi08yusUAu/lAN9fUFp1j7ggAyzu53+jhtKnZkOemh421ZyNSs3JEZRrTuQZxdCfyE5iN/xL8c0I",
	],
];

/** Names of Clients for which there are identities. */
export const CLIENT_NAMES: readonly string[] = TABLE.map(([name]) => name).filter((name) => name !== "localhost");
