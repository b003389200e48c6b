//! Looking into a picture, within bounds.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek, SeekFrom};
use std::path::Path;

use image::codecs::gif::GifDecoder;
use image::codecs::jpeg::JpegDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::error::ImageError;
use image::{DynamicImage, ImageDecoder, ImageFormat, Limits};

use super::Unfit;

/// Most octets of a file that is looked into; some decoders read all of it at once.
const FILE_OCTETS: u64 = 256 << 20;
/// Most pixels.
const PIXELS: u64 = 100_000_000;
/// Most octets of what is decoded.
const DECODED_OCTETS: u64 = 512 << 20;
/// Largest profile of colours that is kept.
const ICC_OCTETS: usize = 1 << 20;

/// What a picture is.
pub(super) struct Looked {
    /// Upright.
    pub(super) image: DynamicImage,
    pub(super) format: ImageFormat,
    pub(super) animated: bool,
    /// It holds EXIF, XMP or IPTC.
    pub(super) telling: bool,
    pub(super) icc: Option<Vec<u8>>,
}

/// Decodes a picture. What it is, is told by its octets, not by its name.
pub(super) fn look(path: &Path) -> Result<Looked, Unfit> {
    let file = File::open(path)?;
    let octets = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let mut head = Vec::new();
    reader.by_ref().take(32).read_to_end(&mut head)?;
    let format = image::guess_format(&head).map_err(|_| Unfit::Unknown)?;
    if octets > FILE_OCTETS {
        let most = FILE_OCTETS >> 20;
        return Err(Unfit::TooLarge(format!(
            "{octets} octets, {most} MiB at most"
        )));
    }
    reader.seek(SeekFrom::Start(0))?;
    let mut looked = decode(&mut reader, format)?;
    looked.telling = looked.telling || (looked.animated && tells(&mut reader)?);
    Ok(looked)
}

/// What metadata of animations begins with; decoders stop looking for it at the first frame.
const METADATA: [&[u8]; 4] = [
    b"XMP DataXMP",
    b"XML:com.adobe.xmp",
    b"Raw profile type",
    b"eXIf",
];

/// Whether metadata stands anywhere in a file.
fn tells(reader: &mut (impl BufRead + Seek)) -> std::io::Result<bool> {
    reader.seek(SeekFrom::Start(0))?;
    let longest = METADATA.iter().map(|begin| begin.len()).max().unwrap_or(0);
    let mut window = Vec::new();
    loop {
        // What stands at the end may go on in the next part.
        let kept = window.len().saturating_sub(longest);
        window.drain(..kept);
        let read = reader.by_ref().take(1 << 20).read_to_end(&mut window)?;
        let found = |begin: &&[u8]| window.windows(begin.len()).any(|some| some == *begin);
        if METADATA.iter().any(found) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
    }
}

fn decode(reader: impl BufRead + Seek, format: ImageFormat) -> Result<Looked, Unfit> {
    match format {
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(reader, bounds()).map_err(unfit)?;
            let animated = decoder.is_apng().map_err(unfit)?;
            decoded(decoder, format, animated)
        }
        ImageFormat::Jpeg => decoded(JpegDecoder::new(reader).map_err(unfit)?, format, false),
        ImageFormat::WebP => {
            let decoder = WebPDecoder::new(reader).map_err(unfit)?;
            let animated = decoder.has_animation();
            decoded(decoder, format, animated)
        }
        // Taken as it is: most of them move.
        ImageFormat::Gif => decoded(GifDecoder::new(reader).map_err(unfit)?, format, true),
        _ => Err(Unfit::Unknown),
    }
}

fn bounds() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODED_OCTETS);
    limits
}

fn decoded(
    mut decoder: impl ImageDecoder,
    format: ImageFormat,
    animated: bool,
) -> Result<Looked, Unfit> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > PIXELS || decoder.total_bytes() > DECODED_OCTETS {
        return Err(Unfit::TooLarge(format!(
            "{width}x{height}, {} megapixels at most",
            PIXELS / 1_000_000
        )));
    }
    decoder.set_limits(bounds()).map_err(unfit)?;
    let exif = decoder.exif_metadata().map_err(unfit)?;
    let xmp = decoder.xmp_metadata().map_err(unfit)?;
    let iptc = decoder.iptc_metadata().map_err(unfit)?;
    let icc = decoder.icc_profile().map_err(unfit)?;
    let orientation = decoder.orientation().map_err(unfit)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(unfit)?;
    image.apply_orientation(orientation);
    Ok(Looked {
        image,
        format,
        animated,
        telling: exif.is_some() || xmp.is_some() || iptc.is_some(),
        icc,
    })
}

fn unfit(error: ImageError) -> Unfit {
    match error {
        ImageError::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
            Unfit::File(error)
        }
        ImageError::Limits(error) => Unfit::TooLarge(error.to_string()),
        other => Unfit::Broken(other.to_string()),
    }
}

/// Whether a profile of colours says something of such a picture: one of printers' colours does not.
pub(super) fn fits(icc: &[u8], coloured: bool) -> bool {
    let space: &[u8] = if coloured { b"RGB " } else { b"GRAY" };
    icc.len() <= ICC_OCTETS && icc.get(16..20) == Some(space)
}
