//! Devices that log in and out.

use eim_codec::id::{DeviceId, RequestId, UserId};
use eim_codec::payload::DeviceClass;

use super::{DeviceRecord, Origin, TenantId, TokenId};

/// Device classes that have a limit of their own.
const CLASSES: usize = 7;

/// How many devices of a user may be logged in at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassLimits {
    /// Of each class, by its number; 0 for any number. Unknown classes count as unspecified.
    pub of_class: [u32; CLASSES],
    /// Of all classes together, and as many that are logged out are remembered; 0 for any number.
    pub total: u32,
}

impl ClassLimits {
    /// The class that a wire number counts as.
    #[must_use]
    pub fn class(number: i32) -> DeviceClass {
        DeviceClass::try_from(number).unwrap_or(DeviceClass::Unspecified)
    }

    /// Most devices of the class of a wire number; 0 for any number.
    #[must_use]
    pub fn of(&self, number: i32) -> u32 {
        let index = usize::try_from(i32::from(Self::class(number))).unwrap_or(0);
        self.of_class.get(index).copied().unwrap_or(0)
    }
}

/// Why a device is logged out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogoutReason {
    /// Its user did it, on a device.
    User,
    /// An operator did it.
    Operator,
    /// Another device logged in, and there are too many in all.
    Devices,
    /// Another device of its class logged in, and the policy allows no more at once.
    Class(i32),
}

/// Numbers of [`LogoutReason::Class`] in records begin here.
const CLASS: i32 = 256;

impl LogoutReason {
    /// For people.
    // impl[EIM-DEV-010]
    #[must_use]
    pub fn detail(self) -> &'static str {
        match self {
            Self::User => "this device was logged out on another device",
            Self::Operator => "this device was logged out by an administrator",
            Self::Devices => "another device logged in, and no more are allowed at once",
            Self::Class(class) => match ClassLimits::class(class) {
                DeviceClass::Desktop => {
                    "another desktop logged in, and no more are allowed at once"
                }
                DeviceClass::Phone => "another phone logged in, and no more are allowed at once",
                DeviceClass::Tablet => "another tablet logged in, and no more are allowed at once",
                DeviceClass::Web => "another browser logged in, and no more are allowed at once",
                DeviceClass::Bot => "another bot logged in, and no more are allowed at once",
                DeviceClass::Terminal => {
                    "another terminal logged in, and no more are allowed at once"
                }
                DeviceClass::Unspecified => {
                    "another device of this class logged in, and no more are allowed at once"
                }
            },
        }
    }

    /// The number of the reason in records; never 0.
    #[must_use]
    pub fn to_number(self) -> i32 {
        match self {
            Self::User => 1,
            Self::Operator => 2,
            Self::Devices => 3,
            Self::Class(class) => CLASS + i32::from(ClassLimits::class(class)),
        }
    }

    /// The reason of a number in records; `None` for 0.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => None,
            1 => Some(Self::User),
            3 => Some(Self::Devices),
            class if class >= CLASS => Some(Self::Class(class - CLASS)),
            _ => Some(Self::Operator),
        }
    }
}

/// What a device has proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Everything that a login takes.
    Full,
    /// A token, given under this [`DeviceRecord::login`].
    Token(u64),
    /// The token of a bot. Its device is logged in as long as that is not taken away.
    Bot(TokenId),
}

/// A device whose full connection opens.
#[derive(Clone, Debug)]
pub struct Login {
    /// The device.
    pub device: DeviceId,
    /// Device class number of the wire.
    pub class: i32,
    /// Shown to the user.
    pub name: String,
    /// What it has proven.
    pub proof: Proof,
    /// How many devices may be logged in at once.
    pub limits: ClassLimits,
}

/// A device that is logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedIn {
    /// The device.
    pub record: DeviceRecord,
    /// Devices of the user that had to make room.
    pub made_room: Vec<DeviceId>,
}

/// A device that is to be logged out.
#[derive(Clone, Copy, Debug)]
pub struct LogOut {
    /// The device.
    pub device: DeviceId,
    /// Why.
    pub reason: LogoutReason,
    /// Who asks, by which request; `None` for an operator.
    pub asked: Option<(Origin, RequestId)>,
}

/// A device that was logged out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoggedOut {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its user.
    pub user: UserId,
    /// The device.
    pub device: DeviceId,
    /// Why.
    pub reason: LogoutReason,
}

/// A page of devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePage {
    /// Devices in id order.
    pub devices: Vec<DeviceRecord>,
    /// More follow.
    pub more: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_survive_their_numbers() {
        let classes = (0..7).map(LogoutReason::Class);
        let reasons = [
            LogoutReason::User,
            LogoutReason::Operator,
            LogoutReason::Devices,
        ];
        for reason in reasons.into_iter().chain(classes) {
            let number = reason.to_number();
            assert_ne!(number, 0, "{reason:?}");
            assert_eq!(LogoutReason::from_number(number), Some(reason));
        }
        assert_eq!(LogoutReason::from_number(0), None);
        let unknown = LogoutReason::Class(4711).to_number();
        assert_eq!(
            LogoutReason::from_number(unknown),
            Some(LogoutReason::Class(0))
        );
    }

    #[test]
    fn unknown_classes_count_as_unspecified() {
        let limits = ClassLimits {
            of_class: [9, 1, 2, 3, 4, 5, 6],
            total: 0,
        };
        assert_eq!(limits.of(2), 2);
        assert_eq!(limits.of(4711), 9);
        assert_eq!(limits.of(-1), 9);
    }
}
