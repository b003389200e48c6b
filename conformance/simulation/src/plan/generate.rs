//! Plans from seeds.

use super::{
    Action, DeviceNumber, DiskConfig, Fault, Node, Plan, Range, Step, To, UserNumber, WorldConfig,
};
use crate::seed::Dice;
use crate::world::Trigger;

impl Plan {
    /// The plan of a seed.
    #[must_use]
    pub fn generate(seed: u64) -> Self {
        let disk = DiskConfig {
            sync_us: Range {
                low: 0,
                high: 5_000,
            },
            survives_permille: 500,
            torn_permille: 200,
        };
        let world = WorldConfig {
            devices: vec![UserNumber(0), UserNumber(1)],
            delay_ms: Range { low: 0, high: 20 },
            chunk_octets: Range { low: 1, high: 4096 },
            buffer_octets: 65536,
            disk,
            device_disk: disk,
            server: String::new(),
            outbox_limit: 64,
            canary: None,
        };
        let mut dice = Dice::new(seed).fork("plan");
        let mut steps = Vec::new();
        let mut at_ms = 0;
        for number in 0..40 {
            at_ms += dice.between(0, 400);
            let action = if dice.chance(60) {
                Action::Fault(Fault::Crash {
                    node: Node::Server,
                    when: Trigger::Now,
                    down_ms: dice.between(0, 3000),
                })
            } else {
                let device = dice.between(0, 1);
                Action::Send {
                    device: DeviceNumber(u8::try_from(device).unwrap_or(0)),
                    to: To::User(UserNumber(u8::try_from(1 - device).unwrap_or(0))),
                    count: u32::try_from(dice.skewed(1, 20)).unwrap_or(1),
                    octets: 40,
                }
            };
            steps.push(Step {
                number,
                at_ms,
                action,
            });
        }
        Self { seed, world, steps }
    }
}
