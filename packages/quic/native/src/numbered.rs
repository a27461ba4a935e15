//! Lists of numbers that Rust and TypeScript share.
//!
//! The macro keeps each list as a value beside its constants, so that `constants()` of the addon gives all of them, and a test
//! compares them with those in TypeScript. A number that is added on one side alone fails that test.

/// The names and numbers of a list, as `constants()` gives them.
pub type Numbers = &'static [(&'static str, u32)];

/// Declares an enum, or the `u8` constants of a module, with an explicit number for each name. Also declares the whole list as
/// `ALL`, of type [`Numbers`].
macro_rules! numbered {
	($(#[$outer:meta])* $visible:vis enum $name:ident { $($(#[$inner:meta])* $item:ident = $number:literal,)+ }) => {
		$(#[$outer])*
		$visible enum $name { $($(#[$inner])* $item = $number,)+ }

		impl $name {
			pub const ALL: crate::numbered::Numbers = &[$((stringify!($item), $number)),+];
		}
	};
	($($(#[$inner:meta])* const $item:ident = $number:literal;)+) => {
		$($(#[$inner])* pub const $item: u8 = $number;)+

		/// The whole list.
		pub const ALL: crate::numbered::Numbers = &[$((stringify!($item), $number)),+];
	};
}

pub(crate) use numbered;
