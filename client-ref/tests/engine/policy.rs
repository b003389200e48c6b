//! What is decided about groups: joining by invitation.

use eim_client::group_policy::Joined;
use eim_codec::payload::{GroupJoinResponse, request, response};

use crate::peer::World;

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_told_so() {
    let mut world = World::at(0).await;
    let (client, _events) = world.start().await;
    let mut peer = world.accept(0).await;
    let asking = tokio::spawn(async move { client.group_join(vec![1; 32].into()).await });
    let request = peer.request().await;
    let Some(request::Body::GroupJoin(join)) = &request.body else {
        panic!("GROUP_JOIN, not {request:?}");
    };
    assert_eq!(join.token[..], [1; 32]);
    let answer = GroupJoinResponse {
        conversation: vec![9; 16].into(),
        waiting: true,
        ..GroupJoinResponse::default()
    };
    peer.respond(&request, response::Body::GroupJoin(answer));
    let waiting = Joined {
        group: [9; 16].into(),
        conv_seq: 0,
        waiting: true,
    };
    assert_eq!(asking.await.unwrap().unwrap(), waiting);
}
