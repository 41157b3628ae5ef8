//! One row of the table.

/// A kind of secret: how it is told apart from other text, and who says that it looks like this.
#[derive(Debug)]
pub struct SecretKind {
    /// Its stable name: lower case, digits and hyphens.
    pub id: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// Where its owner, or whoever defined it, describes it or its shape.
    pub documentation: &'static str,
    /// One of these stands in it, or right before it, in whatever case; at least three bytes.
    pub(super) keywords: &'static [&'static str],
    /// What is before the keyword.
    pub(super) before: Before,
    /// From the keyword on, or from the bytes before it that [`Before::Lookback`] takes; `{is}` and the like
    /// as in [`given`](super::given). The first group that takes part is the secret itself.
    pub(super) pattern: &'static str,
    /// What else must be true of the secret.
    pub(super) check: Check,
    /// Whether its name alone says what it is.
    pub is_specific: bool,
}

/// What is before a keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// No letter and no digit: the keyword begins the secret.
    Boundary,
    /// Anything: the keyword is part of a name that the secret is given to.
    Anything,
    /// The secret begins at most this many bytes earlier, and no letter or digit is before it.
    Lookback(usize),
}

/// What else must be true of a text of the right shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Check {
    /// Nothing.
    Shape,
    /// It looks drawn at random: no placeholder, and not the same few characters again and again.
    Varied,
    /// It may be a password that a person chose: no placeholder, no plain word, no reference.
    Password,
    /// Like [`Varied`](Self::Varied), with the entropy of a key, and digits among its letters.
    Random,
    /// The base64 of a name, a colon and a password.
    BasicCredentials,
    /// The first part is the base64url of a JSON object that names an algorithm.
    JsonWebToken,
    /// The base64 of a private key in PEM.
    EncodedPrivateKey,
}

impl SecretKind {
    /// A kind that begins with its keyword: a token with a prefix of its own.
    pub(super) const fn token(
        id: &'static str,
        name: &'static str,
        documentation: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        let (before, check) = (Before::Boundary, Check::Varied);
        Self { id, name, documentation, keywords, before, pattern, check, is_specific: true }
    }

    /// A kind that is told by the name that it is given to.
    pub(super) const fn named(
        id: &'static str,
        name: &'static str,
        documentation: &'static str,
        keywords: &'static [&'static str],
        pattern: &'static str,
    ) -> Self {
        let (before, check) = (Before::Anything, Check::Varied);
        Self { id, name, documentation, keywords, before, pattern, check, is_specific: true }
    }

    pub(super) const fn looking_back(mut self, bytes: usize) -> Self {
        self.before = Before::Lookback(bytes);
        self
    }

    /// A name that is none if a letter or a digit is before it.
    pub(super) const fn bounded(mut self) -> Self {
        self.before = Before::Boundary;
        self
    }

    pub(super) const fn checked(mut self, check: Check) -> Self {
        self.check = check;
        self
    }

    /// A kind that gives way to whatever more telling kind the same text is of.
    pub(super) const fn generic(mut self) -> Self {
        self.is_specific = false;
        self
    }
}
