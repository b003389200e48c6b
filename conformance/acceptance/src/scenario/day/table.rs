//! What happened, for people.

/// Rows of time, device and what it did.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<[String; 3]>,
}

impl Table {
    /// A step that went as it had to.
    pub(crate) fn row(&mut self, time: &str, device: &str, what: &str) {
        self.rows.push([time, device, what].map(str::to_owned));
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        for [time, device, what] in &self.rows {
            println!("{time}  {device:8} {what}");
        }
    }
}
