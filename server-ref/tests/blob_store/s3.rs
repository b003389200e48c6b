//! As much of S3 as the server asks of one, in this process: objects of one bucket in memory, over HTTP.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri, header};
use bytes::Bytes;
use object_store::aws::AmazonS3Builder;

use eim_server::blobs::{ObjectBlobs, S3Place};

/// Who may ask.
const KEY: &str = "somebody";
/// Keys of one page of a listing: few, so that listings have several.
const PAGE: usize = 2;
const MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

type Objects = Arc<Mutex<BTreeMap<String, Bytes>>>;

/// Runs until the test ends. Answers where it is.
pub(crate) async fn start() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new()
        .fallback(answer)
        .with_state(Objects::default());
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// The server's side of it.
pub(crate) fn open(endpoint: &str, prefix: &str) -> Arc<ObjectBlobs> {
    let place = S3Place {
        endpoint: endpoint.to_owned(),
        region: "us-east-1".to_owned(),
        bucket: "bucket".to_owned(),
        prefix: prefix.to_owned(),
    };
    let builder = AmazonS3Builder::new()
        .with_access_key_id(KEY)
        .with_secret_access_key("a secret");
    Arc::new(ObjectBlobs::s3_with(&place, builder).unwrap())
}

async fn answer(
    State(objects): State<Objects>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let signed = headers
        .get(header::AUTHORIZATION)
        .and_then(|it| it.to_str().ok());
    let expected = format!("AWS4-HMAC-SHA256 Credential={KEY}/");
    let query = uri.query().unwrap_or_default();
    let signed = signed.is_some_and(|it| it.starts_with(&expected));
    let permitted = signed || method == Method::GET && presigned(query);
    if !permitted {
        return status(StatusCode::FORBIDDEN);
    }
    let Some(path) = uri.path().strip_prefix("/bucket") else {
        return status(StatusCode::NOT_FOUND);
    };
    let key = path.trim_start_matches('/');
    let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
    match method {
        Method::PUT => {
            objects.insert(key.to_owned(), body);
            of_object(StatusCode::OK, Body::empty())
        }
        Method::GET if key.is_empty() => listing(&objects, query),
        Method::GET | Method::HEAD => match objects.get(key) {
            Some(octets) => part(octets, &headers, method == Method::HEAD),
            None => status(StatusCode::NOT_FOUND),
        },
        Method::POST if query.starts_with("delete") => removal(&mut objects, &body),
        _ => status(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// An address that somebody else was given, for a minute.
fn presigned(query: &str) -> bool {
    let has = |begin: &str| query.split('&').any(|it| it.starts_with(begin));
    has(&format!("X-Amz-Credential={KEY}%2F")) && has("X-Amz-Expires=60") && has("X-Amz-Signature=")
}

fn status(status: StatusCode) -> Response<Body> {
    let response = Response::builder().status(status);
    response.body(Body::empty()).unwrap()
}

fn of_object(status: StatusCode, body: Body) -> Response<Body> {
    let response = Response::builder()
        .status(status)
        .header(header::ETAG, "\"a tag\"")
        .header(header::LAST_MODIFIED, MODIFIED);
    response.body(body).unwrap()
}

/// The object, or a range of it. One behind the end is refused, as S3 does.
fn part(octets: &Bytes, headers: &HeaderMap, head: bool) -> Response<Body> {
    let whole = octets.len();
    let range = headers.get(header::RANGE).map(|it| it.to_str().unwrap());
    let Some(range) = range else {
        let body = if head {
            Body::empty()
        } else {
            octets.clone().into()
        };
        let mut response = of_object(StatusCode::OK, body);
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, whole.into());
        return response;
    };
    let (first, last) = range
        .strip_prefix("bytes=")
        .unwrap()
        .split_once('-')
        .unwrap();
    let first: usize = first.parse().unwrap();
    if first >= whole {
        return status(StatusCode::RANGE_NOT_SATISFIABLE);
    }
    let last = last.parse::<usize>().unwrap().min(whole - 1);
    let body = octets.slice(first..=last).into();
    let mut response = of_object(StatusCode::PARTIAL_CONTENT, body);
    let place = format!("bytes {first}-{last}/{whole}").parse().unwrap();
    response.headers_mut().insert(header::CONTENT_RANGE, place);
    response
}

/// `ListObjectsV2`.
fn listing(objects: &BTreeMap<String, Bytes>, query: &str) -> Response<Body> {
    let asked = |name: &str| {
        let found = query.split('&').find_map(|it| it.strip_prefix(name));
        found.unwrap_or_default().replace("%2F", "/")
    };
    let (prefix, after) = (asked("prefix="), asked("continuation-token="));
    let mut page = String::from("<ListBucketResult>");
    let mut found = objects
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix) && **key > after)
        .peekable();
    let mut last = String::new();
    for (key, octets) in found.by_ref().take(PAGE) {
        let size = octets.len();
        write!(
            page,
            "<Contents><Key>{key}</Key><Size>{size}</Size>\
             <LastModified>1994-11-06T08:49:37.000Z</LastModified></Contents>"
        )
        .unwrap();
        last.clone_from(key);
    }
    if found.peek().is_some() {
        write!(
            page,
            "<NextContinuationToken>{last}</NextContinuationToken>"
        )
        .unwrap();
    }
    page.push_str("</ListBucketResult>");
    of_object(StatusCode::OK, page.into())
}

/// `DeleteObjects`.
fn removal(objects: &mut BTreeMap<String, Bytes>, body: &Bytes) -> Response<Body> {
    let asked = String::from_utf8(body.to_vec()).unwrap();
    let mut page = String::from("<DeleteResult>");
    for key in asked.split("<Key>").skip(1) {
        let (key, _) = key.split_once("</Key>").unwrap();
        objects.remove(key);
        write!(page, "<Deleted><Key>{key}</Key></Deleted>").unwrap();
    }
    page.push_str("</DeleteResult>");
    of_object(StatusCode::OK, page.into())
}
