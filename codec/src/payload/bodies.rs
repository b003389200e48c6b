//! Bodies that a client checks before it sends them; a server relays them as they are.

use super::checked_send::InvalidSend;
use super::{CustomBody, LocationBody};

/// Octets of a namespace, and of a label in it, at most.
const NAMESPACE: usize = 253;
const LABEL: usize = 63;

impl LocationBody {
    /// Whether the place is on the globe, and its label fits.
    ///
    /// # Errors
    /// [`InvalidSend::Coordinates`] and [`InvalidSend::TooLarge`].
    // impl[EIM-MSG-034]
    pub fn check(&self) -> Result<(), InvalidSend> {
        super::content::text_fits(&self.label)?;
        let on_globe =
            (-90.0..=90.0).contains(&self.latitude) && (-180.0..=180.0).contains(&self.longitude);
        on_globe.then_some(()).ok_or(InvalidSend::Coordinates)
    }
}

impl CustomBody {
    /// Whether the namespace has the form of a reversed domain name: two or more labels of letters,
    /// digits and hyphens between dots.
    ///
    /// # Errors
    /// [`InvalidSend::Namespace`].
    // impl[EIM-MSG-035, EIM-MSG-071]
    pub fn check(&self) -> Result<(), InvalidSend> {
        let label = |label: &str| {
            (1..=LABEL).contains(&label.len())
                && label
                    .bytes()
                    .all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let name = self.namespace.as_str();
        let fits = name.len() <= NAMESPACE && name.contains('.') && name.split('.').all(label);
        fits.then_some(()).ok_or(InvalidSend::Namespace)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // test[EIM-MSG-034]
    #[test]
    fn a_location_is_on_the_globe() {
        let check = |latitude, longitude| {
            LocationBody {
                latitude,
                longitude,
                ..LocationBody::default()
            }
            .check()
        };
        for (latitude, longitude) in [(0.0, 0.0), (90.0, 180.0), (-90.0, -180.0), (-0.0, 8.5)] {
            assert_eq!(check(latitude, longitude), Ok(()));
        }
        for (latitude, longitude) in [
            (90.000_000_1, 0.0),
            (-91.0, 0.0),
            (0.0, 180.000_001),
            (0.0, -181.0),
            (f64::NAN, 0.0),
            (0.0, f64::INFINITY),
        ] {
            assert_eq!(check(latitude, longitude), Err(InvalidSend::Coordinates));
        }
    }

    // test[EIM-MSG-071]
    #[test]
    fn a_namespace_is_a_domain_name() {
        let check = |namespace: &str| {
            CustomBody {
                namespace: namespace.into(),
                ..CustomBody::default()
            }
            .check()
        };
        let long = "a".repeat(LABEL);
        let longest = [long.as_str(); 4].join(".");
        for namespace in ["com.example", "COM.ex-ample.poll2", &longest[..NAMESPACE]] {
            assert_eq!(check(namespace), Ok(()), "{namespace}");
        }
        for namespace in [
            "",
            "com",
            "com.",
            ".com",
            "com..example",
            "com.-example",
            "com.example-",
            "com.exa_mple",
            "com.exämple",
            "com.example ",
            longest.as_str(),
            &(long + "a.com"),
        ] {
            assert_eq!(check(namespace), Err(InvalidSend::Namespace), "{namespace}");
        }
    }
}
