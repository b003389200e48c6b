//! `arbitrary::Arbitrary` for types that it cannot derive.

use alloc::vec::Vec;

use arbitrary::{Arbitrary, Result, Unstructured};
use bytes::Bytes;

use crate::registry::{Compression, FrameType};

pub(crate) fn bytes(octets: &mut Unstructured<'_>) -> Result<Bytes> {
    Vec::<u8>::arbitrary(octets).map(Bytes::from)
}

impl<'a> Arbitrary<'a> for FrameType {
    fn arbitrary(octets: &mut Unstructured<'a>) -> Result<Self> {
        u8::arbitrary(octets).map(Self)
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        u8::size_hint(depth)
    }
}

impl<'a> Arbitrary<'a> for Compression {
    fn arbitrary(octets: &mut Unstructured<'a>) -> Result<Self> {
        u8::arbitrary(octets).map(Self)
    }

    fn size_hint(depth: usize) -> (usize, Option<usize>) {
        u8::size_hint(depth)
    }
}
