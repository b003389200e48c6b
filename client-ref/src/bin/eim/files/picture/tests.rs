//! Real pictures, made here.

use std::io::Cursor;
use std::path::PathBuf;

use image::codecs::gif::GifEncoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPEncoder;
use image::{Frame, ImageDecoder as _, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

/// Upper left red, the rest green, so that one sees which way it is up.
fn scene(width: u32, height: u32) -> DynamicImage {
    let image = RgbImage::from_fn(width, height, |x, y| {
        match x < width / 2 && y < height / 2 {
            true => Rgb([230, 20, 20]),
            false => Rgb([20, 200, 20]),
        }
    });
    DynamicImage::ImageRgb8(image)
}

/// Nothing compresses it.
fn noise(width: u32, height: u32) -> DynamicImage {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let image = RgbImage::from_fn(width, height, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [red, green, blue, ..] = state.to_be_bytes();
        Rgb([red, green, blue])
    });
    DynamicImage::ImageRgb8(image)
}

/// EXIF with an orientation and a maker whose name is looked for.
fn exif(orientation: u8) -> Vec<u8> {
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x02".to_vec();
    exif.extend(*b"\x01\x0f\0\x02\0\0\0\x08\0\0\0\x26");
    exif.extend([0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0]);
    exif.extend([0; 4]);
    exif.extend(*b"Exposed\0");
    exif
}

fn jpeg(image: &DynamicImage, orientation: u8) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut octets, 90);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    image.write_with_encoder(encoder).unwrap();
    octets
}

fn holds(octets: &[u8], what: &[u8]) -> bool {
    octets.windows(what.len()).any(|window| window == what)
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, octets: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, octets).unwrap();
        path
    }
}

fn made(folder: &Folder, name: &str, octets: &[u8], policy: Policy) -> Result<Picture, Unfit> {
    prepared(&folder.file(name, octets), policy)
}

fn red(image: &DynamicImage, x: u32, y: u32) -> bool {
    let Rgb([red, green, _]) = *image.to_rgb8().get_pixel(x, y);
    red > 150 && green < 100
}

// test[EIM-CNT-007]
#[test]
fn a_picture_is_upright_small_and_tells_nothing() {
    let folder = Folder::new();
    let octets = jpeg(&scene(3000, 1500), 6);
    assert!(holds(&octets, b"Exposed"));
    let picture = made(&folder, "holiday", &octets, Policy::default()).unwrap();
    // Turned clockwise by 90 degrees, so upper left is upper right.
    assert_eq!(picture.dimensions, (1024, 2048));
    assert_eq!(picture.media_type, "image/jpeg");
    assert_eq!(picture.extension, None);
    let sent = picture.octets.unwrap();
    assert!(!holds(&sent, b"Exposed") && !holds(&sent, b"Exif"));
    let mut decoder = JpegDecoder::new(Cursor::new(&sent)).unwrap();
    assert_eq!(decoder.exif_metadata().unwrap(), None);
    let shown = DynamicImage::from_decoder(decoder).unwrap();
    assert_eq!((shown.width(), shown.height()), (1024, 2048));
    assert!(red(&shown, 900, 100) && !red(&shown, 100, 100) && !red(&shown, 900, 1900));
    let small = image::load_from_memory(&picture.thumbnail).unwrap();
    assert_eq!((small.width(), small.height()), (80, 160));
    assert!(red(&small, 70, 10) && !red(&small, 10, 10));
    assert!(!holds(&picture.thumbnail, b"Exif"));
    assert!(picture.thumbnail.len() <= 8192);
}

#[test]
fn an_original_keeps_its_octets_and_is_measured_as_shown() {
    let folder = Folder::new();
    let octets = jpeg(&scene(3000, 1500), 8);
    let policy = Policy::default().kept();
    let picture = made(&folder, "holiday.jpg", &octets, policy).unwrap();
    assert!(picture.octets.is_none());
    assert_eq!(picture.dimensions, (1500, 3000));
    assert!(!holds(&picture.thumbnail, b"Exif"));
}

// test[EIM-CNT-007]
#[test]
fn the_thumbnail_of_any_picture_keeps_its_bound() {
    let folder = Folder::new();
    for (width, height) in [(640, 480), (160, 160), (1, 1), (4000, 1), (3, 900)] {
        let mut octets = Cursor::new(Vec::new());
        let image = noise(width, height);
        image.write_to(&mut octets, ImageFormat::Png).unwrap();
        let picture = made(&folder, "n", octets.get_ref(), Policy::default()).unwrap();
        let length = picture.thumbnail.len();
        assert!(length <= 8192, "{width}x{height}: {length}");
        let small = image::load_from_memory(&picture.thumbnail).unwrap();
        assert!(small.width().max(small.height()) <= 160);
    }
}

#[test]
fn what_can_be_seen_through_stays_so_and_kinds_follow_from_that() {
    let folder = Folder::new();
    let clear = RgbaImage::from_pixel(40, 30, Rgba([9, 9, 200, 0]));
    let clear = DynamicImage::ImageRgba8(clear);
    let mut webp = Vec::new();
    clear
        .write_with_encoder(WebPEncoder::new_lossless(&mut webp))
        .unwrap();
    let picture = made(&folder, "logo.webp", &webp, Policy::default()).unwrap();
    assert_eq!(
        (picture.media_type, picture.extension),
        ("image/png", Some("png"))
    );
    let sent = image::load_from_memory(&picture.octets.unwrap()).unwrap();
    assert_eq!(sent.to_rgba8(), clear.to_rgba8());
    // Its thumbnail is on white.
    let small = image::load_from_memory(&picture.thumbnail)
        .unwrap()
        .to_rgb8();
    assert!(
        small
            .pixels()
            .all(|pixel| pixel.0.iter().all(|&it| it > 240))
    );
    let mut webp = Vec::new();
    scene(40, 30)
        .write_with_encoder(WebPEncoder::new_lossless(&mut webp))
        .unwrap();
    let picture = made(&folder, "roof.webp", &webp, Policy::default()).unwrap();
    assert_eq!(
        (picture.media_type, picture.extension),
        ("image/jpeg", Some("jpg"))
    );
}

#[test]
fn colours_are_meant_as_before() {
    let folder = Folder::new();
    let mut icc = vec![7; 200];
    icc[16..20].copy_from_slice(b"RGB ");
    let mut octets = Vec::new();
    let mut encoder = PngEncoder::new(&mut octets);
    encoder.set_icc_profile(icc.clone()).unwrap();
    scene(20, 20).write_with_encoder(encoder).unwrap();
    let picture = made(&folder, "p3.png", &octets, Policy::default()).unwrap();
    let sent = picture.octets.unwrap();
    let mut decoder = PngDecoder::new(Cursor::new(&sent)).unwrap();
    assert_eq!(decoder.icc_profile().unwrap(), Some(icc));
}

#[test]
fn what_moves_is_sent_as_it_is_unless_it_tells_something() {
    let folder = Folder::new();
    let mut gif = Vec::new();
    let mut encoder = GifEncoder::new(&mut gif);
    for _ in 0..2 {
        encoder
            .encode_frame(Frame::new(scene(30, 20).to_rgba8()))
            .unwrap();
    }
    drop(encoder);
    let picture = made(&folder, "wave.png", &gif, Policy::default()).unwrap();
    assert!(picture.octets.is_none());
    assert_eq!(
        (picture.media_type, picture.dimensions),
        ("image/gif", (30, 20))
    );
    // An application extension with XMP, behind the last frame.
    let tail = gif.pop().unwrap();
    gif.extend(*b"\x21\xff\x0bXMP DataXMP");
    gif.extend(*b"\x07<x:xmp>\0");
    gif.push(tail);
    let refused = made(&folder, "wave.gif", &gif, Policy::default());
    assert!(matches!(refused, Err(Unfit::Telling)));
    made(&folder, "wave.gif", &gif, Policy::default().kept()).unwrap();
}

#[test]
fn what_is_no_picture_or_too_large_is_refused_in_words() {
    let folder = Folder::new();
    let text = made(
        &folder,
        "cat.png",
        b"not at all a picture",
        Policy::default(),
    );
    assert!(matches!(text, Err(Unfit::Unknown)));
    let empty = made(&folder, "cat.png", b"", Policy::default());
    assert!(matches!(empty, Err(Unfit::Unknown)));
    let said = Unfit::Unknown.of(Path::new("cat.png")).to_string();
    assert!(
        said.contains("cat.png") && said.contains("--kind file"),
        "{said}"
    );
    // Few octets that claim 10 gigapixels; nothing of it is decoded.
    let mut octets = Cursor::new(Vec::new());
    scene(8, 8).write_to(&mut octets, ImageFormat::Png).unwrap();
    let mut bomb = octets.into_inner();
    bomb[16..20].copy_from_slice(&100_000_u32.to_be_bytes());
    bomb[20..24].copy_from_slice(&100_000_u32.to_be_bytes());
    let checksum = crc32(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&checksum.to_be_bytes());
    let refused = made(&folder, "bomb.png", &bomb, Policy::default());
    let Err(Unfit::TooLarge(said)) = refused else {
        panic!("{refused:?}");
    };
    assert!(said.contains("100000x100000"), "{said}");
    // Sparse: nothing is read of it.
    let path = folder.file("long.jpg", &jpeg(&scene(8, 8), 1));
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(300 << 20).unwrap();
    let refused = prepared(&path, Policy::default());
    assert!(matches!(refused, Err(Unfit::TooLarge(_))), "{refused:?}");
    // Cut off in the middle.
    let mut cut = Cursor::new(Vec::new());
    noise(64, 64).write_to(&mut cut, ImageFormat::Png).unwrap();
    let cut = &cut.get_ref()[..2000];
    let refused = made(&folder, "cut.png", cut, Policy::default());
    assert!(matches!(refused, Err(Unfit::Broken(_))), "{refused:?}");
}

/// As PNG counts it.
fn crc32(octets: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for octet in octets {
        crc ^= u32::from(*octet);
        for _ in 0..8 {
            let carry = (crc & 1).wrapping_neg();
            crc = (crc >> 1) ^ (0xEDB8_8320 & carry);
        }
    }
    !crc
}

/// The sample of the acceptance runs is what it says.
#[test]
fn the_sample_of_the_acceptance_runs_is_turned_and_tells() {
    let sample = "../conformance/acceptance/samples/turned.jpg";
    if std::env::var_os("EIM_BLESS").is_some() {
        std::fs::write(sample, jpeg(&scene(64, 48), 6)).unwrap();
    }
    let octets = std::fs::read(sample).unwrap();
    assert!(holds(&octets, b"Exposed"));
    let picture = prepared(Path::new(sample), Policy::default()).unwrap();
    assert_eq!(picture.dimensions, (48, 64));
}
