fn main() {
	napi_build::setup();
	// A worker that ends dlcloses the addon while its I/O thread may still be inside: keep the code mapped.
	if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
		println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
	}
}
