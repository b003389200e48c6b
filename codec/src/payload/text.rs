//! The body of TEXT.

use alloc::string::String;
use core::ops::Range;

use bytes::Bytes;
use prost::Message;

use super::checked_send::{InvalidSend, at_most, within};
use super::{Span, SpanKind, TextBody};
use crate::id::UserId;
use crate::registry::limits;

impl TextBody {
    /// A body with this text and nothing else.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// The octets of a body with this text.
    #[must_use]
    pub fn encode_text(text: impl Into<String>) -> Bytes {
        Bytes::from(Self::new(text).encode_to_vec())
    }

    /// Reads a body: a `TextBody` in UTF-8, within limit text_octets. An empty text is a text.
    ///
    /// # Errors
    /// [`InvalidSend::NotText`], and what [`fits`](Self::fits) says.
    // impl[EIM-MSG-029, EIM-MSG-030, EIM-MSG-031]
    pub fn check(body: &Bytes) -> Result<Self, InvalidSend> {
        let body = Self::decode(body.clone()).map_err(|_| InvalidSend::NotText)?;
        body.fits()?;
        Ok(body)
    }

    /// Whether text, mentions and spans keep their limits, and mentions are ids.
    ///
    /// # Errors
    /// [`InvalidSend::TooLarge`], [`InvalidSend::TooMany`] and [`InvalidSend::Mention`].
    // impl[EIM-OPS-001, EIM-OPS-002]
    pub fn fits(&self) -> Result<(), InvalidSend> {
        within(self.text.len(), limits::TEXT_OCTETS.default)?;
        at_most(
            "mentions",
            self.mentions.len(),
            limits::TEXT_MENTIONS.default,
        )?;
        at_most("spans", self.spans.len(), limits::TEXT_SPANS.default)?;
        self.mentions
            .iter()
            .try_for_each(|user| UserId::from_slice(user).map(|_| ()))
            .map_err(InvalidSend::Mention)
    }

    /// The spans that can be shown, with their parts of the text in octets: of a known kind, within
    /// the text, and between characters.
    // impl[EIM-OPS-004]
    pub fn shown_spans(&self) -> impl Iterator<Item = (SpanKind, Range<usize>, &Span)> {
        self.spans.iter().filter_map(|span| {
            let kind = SpanKind::try_from(span.kind).ok()?;
            let start = usize::try_from(span.start).ok()?;
            let end = start.checked_add(usize::try_from(span.length).ok()?)?;
            let shown = kind != SpanKind::Unspecified && start < end;
            (shown && self.text.get(start..end).is_some()).then_some((kind, start..end, span))
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    // test[EIM-OPS-004]
    #[test]
    fn spans_that_cannot_be_shown_are_left_out() {
        let span = |start, length, kind| Span {
            start,
            length,
            kind,
            ..Span::default()
        };
        let body = TextBody {
            spans: vec![
                span(0, 2, 1),
                span(0, 0, 1),
                span(0, 2, 99),
                span(0, 2, 0),
                span(0, 1, 2),
                span(2, 3, 2),
                span(2, 4, 2),
                span(5, 1, 2),
                span(u32::MAX, u32::MAX, 1),
            ],
            ..TextBody::new("éabc")
        };
        let shown: Vec<_> = body
            .shown_spans()
            .map(|(kind, part, _)| (kind, part))
            .collect();
        assert_eq!(shown, [(SpanKind::Bold, 0..2), (SpanKind::Italic, 2..5)]);
    }

    // test[EIM-OPS-001, EIM-OPS-002]
    #[test]
    fn mentions_are_ids_and_bounded() {
        let with = |mentions: Vec<Bytes>| TextBody {
            mentions,
            ..TextBody::new("hi")
        };
        let id = || Bytes::from(vec![1; 16]);
        let max = usize::try_from(limits::TEXT_MENTIONS.default).unwrap();
        assert_eq!(with(vec![id(); max]).fits(), Ok(()));
        assert!(matches!(
            with(vec![id(); max + 1]).fits(),
            Err(InvalidSend::TooMany { .. })
        ));
        for octets in [0, 15, 17] {
            let mention = Bytes::from(vec![1; octets]);
            assert!(matches!(
                with(vec![mention]).fits(),
                Err(InvalidSend::Mention(_))
            ));
        }
        let max = usize::try_from(limits::TEXT_SPANS.default).unwrap();
        let body = TextBody {
            spans: vec![Span::default(); max + 1],
            ..TextBody::default()
        };
        assert!(matches!(body.fits(), Err(InvalidSend::TooMany { .. })));
    }
}
