//! One unmistakable run of bytes for a list of values, to compute a MAC over.

/// Values laid end to end: numbers at a fixed width, bytes behind their length, so that no two lists are alike.
#[derive(Debug)]
pub struct MacInput(Vec<u8>);

impl MacInput {
    /// Begins with a word that sets this kind of list apart from all others.
    pub fn of(kind: &str) -> Self {
        Self(Vec::with_capacity(192)).bytes(kind.as_bytes())
    }

    /// Adds a number.
    pub fn number(mut self, number: i64) -> Self {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds a number that may be missing.
    pub fn maybe(self, number: Option<i64>) -> Self {
        match number {
            Some(number) => self.number(1).number(number),
            None => self.number(0),
        }
    }

    /// Adds bytes.
    pub fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    /// The run of bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}
