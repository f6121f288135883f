//! Small copies of images, to be looked at.

/// How large a thumbnail is at most; it keeps the shape of its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ThumbnailSize {
    /// 256 × 256 pixels.
    W256H256,
    /// 480 × 320 pixels.
    W480H320,
    /// 640 × 480 pixels.
    W640H480,
    /// 960 × 640 pixels.
    #[default]
    W960H640,
    /// 1024 × 768 pixels.
    W1024H768,
}

impl ThumbnailSize {
    /// All sizes, smallest first.
    pub const ALL: [Self; 5] = [
        Self::W256H256,
        Self::W480H320,
        Self::W640H480,
        Self::W960H640,
        Self::W1024H768,
    ];

    /// Its name, by which clients know it, and storage too.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::W256H256 => "w256h256",
            Self::W480H320 => "w480h320",
            Self::W640H480 => "w640h480",
            Self::W960H640 => "w960h640",
            Self::W1024H768 => "w1024h768",
        }
    }
}
