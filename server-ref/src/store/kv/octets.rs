//! Reading and writing the octets of hot records: fixed fields and LEB128 numbers.

use crate::store::StoreError;

/// Appends an unsigned number in 1 to 10 octets.
pub(super) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8 & 0x7F) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads the octets of one record from the front.
#[derive(Clone, Debug)]
pub(super) struct Octets<'a> {
    record: &'static str,
    rest: &'a [u8],
}

impl<'a> Octets<'a> {
    /// Starts reading a record whose first octet must be `version`.
    pub(super) fn new(
        record: &'static str,
        version: u8,
        octets: &'a [u8],
    ) -> Result<Self, StoreError> {
        let mut octets = Self {
            record,
            rest: octets,
        };
        match octets.octet()? {
            found if found == version => Ok(octets),
            found => Err(StoreError::Corrupt(format!(
                "{record}: unknown version {found}"
            ))),
        }
    }

    pub(super) fn octet(&mut self) -> Result<u8, StoreError> {
        self.array::<1>().map(|[octet]| octet)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], StoreError> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(*head)
    }

    pub(super) fn id<T: From<[u8; 16]>>(&mut self) -> Result<T, StoreError> {
        self.array::<16>().map(T::from)
    }

    pub(super) fn slice(&mut self, octets: usize) -> Result<&'a [u8], StoreError> {
        let (head, rest) = self
            .rest
            .split_at_checked(octets)
            .ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(head)
    }

    pub(super) fn varint(&mut self) -> Result<u64, StoreError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let octet = self.octet()?;
            value |= u64::from(octet & 0x7F) << shift;
            if octet & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(StoreError::Corrupt(format!(
            "{}: number too long",
            self.record
        )))
    }

    pub(super) fn length(&mut self) -> Result<usize, StoreError> {
        usize::try_from(self.varint()?).map_err(|_| self.short())
    }

    /// Octets not read yet.
    pub(super) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    fn short(&self) -> StoreError {
        StoreError::Corrupt(format!("{}: ends too early", self.record))
    }
}
