//! Marks of this user, as a device keeps them.

use eim_client::store::{Arrival, Batch, Cursor, CursorChange, Message, Store as _};
use eim_codec::registry::FrameType;

use crate::peer::{EPOCH, GROUP, ME, World, text};

// Found by the simulation: the store had more messages of the conversation than HEADS had told
// when the program before this one ran. What was read of them was said to be kept, and was not.
#[tokio::test(start_paused = true)]
async fn what_is_read_without_a_connection_is_kept() {
    let world = World::at(0).await;
    let message = |conv_seq| Message {
        conversation: GROUP.into(),
        log_epoch: EPOCH,
        conv_seq,
        frame_type: FrameType::TEXT,
        sender: None,
        sender_device: None,
        client_msg_id: None,
        time_ms: 1,
        user_seq: conv_seq,
        body: text("hi"),
        fallback_text: String::new(),
        tombstone: false,
    };
    let arrivals = (1..=7).map(|conv_seq| Arrival {
        message: message(conv_seq),
        echo: false,
        presented: true,
    });
    let batch = Batch {
        arrivals: arrivals.collect(),
        cursor: Some(CursorChange::Advance(Cursor {
            log_epoch: EPOCH,
            user_seq: 7,
        })),
        ..Batch::default()
    };
    world.store.commit(batch).await.unwrap();
    let (client, _events) = world.start().await;
    client.read(GROUP.into(), 6).await.unwrap();
    let kept = world.store.marks().await.unwrap();
    let mine = kept.iter().find(|mark| mark.user == ME.into()).unwrap();
    assert_eq!((mine.read, mine.told), (6, 0));
    // Nobody has read what is not there.
    client.read(GROUP.into(), 99).await.unwrap();
    let kept = world.store.marks().await.unwrap();
    assert_eq!(kept[0].read, 7);
}
