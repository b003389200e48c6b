//! Octets as operations: every input means something, and one changed octet changes little.

/// What is left of an input. Past its end everything is zero.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { rest: octets }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                *first
            }
            None => 0,
        }
    }

    /// One of these, by one octet.
    pub(crate) fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[usize::from(self.octet()) % among.len()]
    }

    /// A place in a list of this length; 0 when it is empty.
    pub(crate) fn place(&mut self, length: usize) -> usize {
        usize::from(self.octet()).checked_rem(length).unwrap_or(0)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.octet() & 1 == 1
    }

    /// At most so many octets, as they are.
    pub(crate) fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(self.rest.len().min(most));
        self.rest = rest;
        taken
    }
}

/// Whether to print what happens: set `EIM_FUZZ_TRACE` to read along with one input.
pub(crate) fn traced() -> bool {
    static TRACED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *TRACED.get_or_init(|| std::env::var_os("EIM_FUZZ_TRACE").is_some())
}

macro_rules! trace {
    ($($argument:tt)*) => {
        if crate::input::traced() {
            eprintln!($($argument)*);
        }
    };
}
pub(crate) use trace;
