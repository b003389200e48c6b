//! Pictures before they are sent: looked into, turned upright, made smaller, freed of what they
//! tell beside themselves, and with a small picture that is shown until they are there.
//!
//! A picture comes from anywhere: nothing is decoded before its size is known and bounded.

mod look;
#[cfg(test)]
mod tests;

use std::io::Cursor;
use std::path::Path;

use clap::Args;
use eim_codec::registry::limits;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageEncoder as _, ImageFormat, ImageResult};

use self::look::{Looked, look};
use crate::exit::Failure;

/// Longest side of a picture that is sent, in pixels, by default.
const LONGEST_SIDE: u32 = 2048;
/// Quality of a picture that is sent as JPEG, of 100.
const QUALITY: u8 = 85;
/// Longest side of a thumbnail, in pixels.
const THUMBNAIL_SIDE: u32 = 160;
/// Qualities of a thumbnail that are tried before it is made smaller.
const THUMBNAIL_QUALITIES: [u8; 4] = [75, 60, 45, 30];

/// What happens to pictures on the way.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// Image: sends the octets of the file as they are, with all that they tell: size, place, time,
    /// camera. With --media-type, nobody looks into the file.
    #[arg(long, requires = "kind", conflicts_with = "longest_side")]
    original: bool,
    /// Image: a longer one is made smaller.
    #[arg(
        long,
        value_name = "PIXELS",
        requires = "kind",
        default_value_t = LONGEST_SIDE,
        value_parser = clap::value_parser!(u32).range(16..=16384)
    )]
    longest_side: u32,
}

impl Policy {
    /// Leaves the octets as they are.
    pub(crate) const fn kept(self) -> Self {
        Self {
            original: true,
            ..self
        }
    }

    /// Whether the octets stay as they are.
    pub(crate) const fn keeps(self) -> bool {
        self.original
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            original: false,
            longest_side: LONGEST_SIDE,
        }
    }
}

/// A picture as it is sent.
#[derive(Debug)]
pub(crate) struct Picture {
    /// The octets; `None`: those of the file.
    pub(crate) octets: Option<Vec<u8>>,
    pub(crate) media_type: &'static str,
    /// What the name of its file ends with, where the octets are others than those of the file.
    pub(crate) extension: Option<&'static str>,
    /// As shown, in pixels.
    pub(crate) dimensions: (u32, u32),
    pub(crate) thumbnail: Vec<u8>,
}

/// Why a picture is not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    /// None of the kinds that are known here.
    #[error("it is no picture of a kind known here (PNG, JPEG, WebP, GIF)")]
    Unknown,
    /// It claims to be one.
    #[error("it cannot be decoded: {0}")]
    Broken(String),
    /// Nobody wants to decode it.
    #[error("it is too large to be looked into: {0}")]
    TooLarge(String),
    /// It moves, so it is not made anew, and what it tells stays in it.
    #[error(
        "it is an animation with metadata in it, which may tell where and by whom it was made; \
         --original sends it nevertheless"
    )]
    Telling,
    /// The file cannot be read.
    #[error("{0}")]
    File(#[from] std::io::Error),
}

impl Unfit {
    /// The same, said of a file.
    pub(crate) fn of(&self, path: &Path) -> Failure {
        Failure::usage(format!(
            "{}: {self}; --kind file sends any file as it is",
            path.display()
        ))
    }
}

/// Looks into a picture and makes of it what is sent, where it may take its time.
pub(crate) async fn prepare(path: &Path, policy: Policy) -> Result<Picture, Unfit> {
    let path = path.to_owned();
    let work = tokio::task::spawn_blocking(move || prepared(&path, policy));
    // A decoder that gives up in its own way has met a broken picture.
    work.await
        .unwrap_or_else(|error| Err(Unfit::Broken(error.to_string())))
}

fn prepared(path: &Path, policy: Policy) -> Result<Picture, Unfit> {
    let looked = look(path)?;
    let kept = policy.original || looked.animated;
    if kept {
        if looked.telling && !policy.original {
            return Err(Unfit::Telling);
        }
        let image = &looked.image;
        return Ok(Picture {
            octets: None,
            media_type: looked.format.to_mime_type(),
            extension: None,
            dimensions: (image.width(), image.height()),
            thumbnail: thumbnail(image).map_err(encoding)?,
        });
    }
    let Looked {
        image, format, icc, ..
    } = looked;
    let image = smaller(image, policy.longest_side);
    let thumbnail = thumbnail(&image).map_err(encoding)?;
    let dimensions = (image.width(), image.height());
    let (octets, made) = anew(&image, format, icc).map_err(encoding)?;
    Ok(Picture {
        octets: Some(octets),
        media_type: made.to_mime_type(),
        extension: (made != format)
            .then(|| made.extensions_str().first().copied())
            .flatten(),
        dimensions,
        thumbnail,
    })
}

fn encoding(error: image::ImageError) -> Unfit {
    Unfit::Broken(error.to_string())
}

fn smaller(image: DynamicImage, longest: u32) -> DynamicImage {
    match image.width().max(image.height()) > longest {
        true => image.resize(longest, longest, FilterType::Lanczos3),
        false => image,
    }
}

/// Octets with nothing in them but the picture and how its colours are meant: PNG for what was PNG or
/// can be seen through, else JPEG.
fn anew(
    image: &DynamicImage,
    format: ImageFormat,
    icc: Option<Vec<u8>>,
) -> ImageResult<(Vec<u8>, ImageFormat)> {
    let plain = match (image.color().has_color(), seen_through(image)) {
        (true, true) => DynamicImage::ImageRgba8(image.to_rgba8()),
        (true, false) => DynamicImage::ImageRgb8(image.to_rgb8()),
        (false, true) => DynamicImage::ImageLumaA8(image.to_luma_alpha8()),
        (false, false) => DynamicImage::ImageLuma8(image.to_luma8()),
    };
    let icc = icc.filter(|icc| look::fits(icc, plain.color().has_color()));
    let mut octets = Vec::new();
    if format == ImageFormat::Png || plain.color().has_alpha() {
        let mut encoder = PngEncoder::new(&mut octets);
        if let Some(icc) = icc {
            // Without it, colours are a little off.
            let _ = encoder.set_icc_profile(icc);
        }
        plain.write_with_encoder(encoder)?;
        return Ok((octets, ImageFormat::Png));
    }
    let mut encoder = JpegEncoder::new_with_quality(&mut octets, QUALITY);
    if let Some(icc) = icc {
        let _ = encoder.set_icc_profile(icc);
    }
    plain.write_with_encoder(encoder)?;
    Ok((octets, ImageFormat::Jpeg))
}

/// Whether anything of it is not opaque.
fn seen_through(image: &DynamicImage) -> bool {
    image.color().has_alpha() && image.to_rgba8().pixels().any(|pixel| pixel.0[3] != u8::MAX)
}

/// A small JPEG within the bound, on white.
// impl[EIM-CNT-007]
fn thumbnail(image: &DynamicImage) -> ImageResult<Vec<u8>> {
    let most = usize::try_from(limits::THUMBNAIL_OCTETS.default).unwrap_or(usize::MAX);
    let mut side = THUMBNAIL_SIDE;
    loop {
        let small = match image.width().max(image.height()) > side {
            true => image.thumbnail(side, side),
            false => image.clone(),
        };
        let small = on_white(&small);
        for quality in THUMBNAIL_QUALITIES {
            let mut octets = Cursor::new(Vec::new());
            small.write_with_encoder(JpegEncoder::new_with_quality(&mut octets, quality))?;
            if octets.get_ref().len() <= most {
                return Ok(octets.into_inner());
            }
        }
        // Nothing of 16 pixels has so many octets: this ends.
        side = (side / 4 * 3).max(16);
    }
}

fn on_white(image: &DynamicImage) -> image::RgbImage {
    if !image.color().has_alpha() {
        return image.to_rgb8();
    }
    let seen = image.to_rgba8();
    image::RgbImage::from_fn(seen.width(), seen.height(), |x, y| {
        let [red, green, blue, alpha] = seen.get_pixel(x, y).0.map(u16::from);
        let blend = |colour: u16| {
            let mixed = (colour * alpha + 255 * (255 - alpha)) / 255;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        image::Rgb([blend(red), blend(green), blend(blue)])
    })
}
