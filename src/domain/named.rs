//! Closed sets whose members have a stable word outside: in the API, the database, the audit log and metrics.

/// Declares an enum whose members each have one word, with every member, and the word of each.
macro_rules! named {
    (
        $(#[$about:meta])*
        $open:vis enum $Set:ident($(#[$about_word:meta])* $word:ident) {
            $($(#[$about_member:meta])* $Member:ident = $text:literal,)+
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        $open enum $Set {
            $($(#[$about_member])* $Member,)+
        }

        impl $Set {
            /// Every member, in this order.
            $open const ALL: [Self; [$($text),+].len()] = [$(Self::$Member),+];

            $(#[$about_word])*
            $open const fn $word(self) -> &'static str {
                match self { $(Self::$Member => $text,)+ }
            }
        }
    };
}
pub(crate) use named;
