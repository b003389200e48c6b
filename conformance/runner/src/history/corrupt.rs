//! Faults put into good histories, to test the checker: what it has to find, and nothing else.

mod entries;
mod marks;
mod results;
mod select;

use self::select::Shape;
use super::event::Event;
use super::generate::Dice;
use super::verdict::Rule;

/// A fault.
#[derive(Clone, Copy)]
pub struct Corruption {
    /// Its name.
    pub name: &'static str,
    /// The rule that it breaks.
    pub rule: Rule,
    apply: fn(&Shape, &mut Vec<Event>, &mut Dice) -> Option<()>,
}

impl std::fmt::Debug for Corruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Corruption {
    /// The history with the fault; none if it has no place for it.
    #[must_use]
    pub fn apply(&self, events: &[Event], dice: &mut Dice) -> Option<Vec<Event>> {
        let mut corrupt = events.to_vec();
        (self.apply)(&Shape::of(events), &mut corrupt, dice)?;
        Some(corrupt)
    }
}

macro_rules! corruptions {
    ($($name:literal $rule:ident $module:ident::$apply:ident;)*) => {
        /// All faults.
        pub const ALL: &[Corruption] = &[
            $(Corruption { name: $name, rule: Rule::$rule, apply: $module::$apply },)*
        ];
    };
}

corruptions! {
    "drop-acked-everywhere" AckedIsThere entries::drop_acked_everywhere;
    "drop-acked-from-one-device" AckedIsThere entries::drop_acked_from_one;
    "drop-unacked-everywhere" NoHole entries::drop_unacked_everywhere;
    "drop-delivery" NothingSkipped entries::drop_delivery;
    "forget-after-delivery" DeliveredStays entries::forget;
    "end-too-early" NotBehind entries::end_early;
    "second-place" OnePlace entries::second_place;
    "deliver-twice" DeliveredOnce entries::deliver_twice;
    "swap-on-one-device" SameOrder entries::swap_on_one;
    "swap-of-one-sender" SenderOrder entries::swap_of_sender;
    "answer-before" AnswerAfter entries::answer_before;
    "swap-deliveries" NeverBack entries::swap_deliveries;
    "swap-in-reading" ReadInOrder entries::swap_in_reading;
    "phantom" WasSent entries::phantom;
    "alter-on-one-device" Unaltered entries::alter_on_one;
    "alter-everywhere" Unaltered entries::alter_everywhere;
    "other-sending-device" Unaltered entries::other_device;
    "other-message" OneMessage entries::other_message;
    "raise-epoch-of-one" EpochsAscend entries::raise_epoch;
    "ack-moved" AckNamesPlace results::ack_moved;
    "ack-of-another-place" AckNamesPlace results::ack_of_another;
    "second-result" OneResult results::second_result;
    "refused-but-there" RefusedIsAbsent results::refused;
    "send-not-recorded" ResultOfSent results::ack_unsent;
    "unacked-send-not-recorded" WasSent results::unsent;
    "sent-twice" OneContent results::sent_twice;
    "other-target" RightConversation results::other_target;
    "mark-forgotten" MarkStays marks::forgotten;
    "unread-too-many" UnreadCounts marks::too_many;
    "unread-too-few" UnreadCounts marks::too_few;
    "unread-none" UnreadCounts marks::none;
}
