//! Where a tenant's images go by e-mail: a recipient at FetLife, and the tenant's own mail server.

use serde_json::{Value, json};

use super::{address::address, mail_server::MailServer};
use crate::domain::{
    caption::{CaptionRules, CaptionUnit, HashtagPolicy},
    caption_style::BuiltInStyle,
    config_block::{Block, FieldProblem},
    credential::provider_credential,
    platform::{ImageLimits, Platform},
    platform_spec::{BlockField, Entries, SharedBlock, Target},
    secret::CredentialsRef,
};

type Problems = Vec<FieldProblem>;

/// The words for each place of the caption.
const TARGETS: [(&str, CaptionTarget); 3] = [
    ("subject", CaptionTarget::Subject),
    ("body", CaptionTarget::Body),
    ("both", CaptionTarget::Both),
];

/// The words for each prefix of the subject.
const MODES: [(&str, SubjectMode); 3] = [
    ("normal", SubjectMode::Normal),
    ("private", SubjectMode::Private),
    ("avatar", SubjectMode::Avatar),
];

provider_credential! {
    /// What the mail server is logged in to with.
    pub struct SmtpCredential of "smtp" {
        /// The password.
        password: "EMAIL_PASSWORD",
    }
}

/// A recipient and a mail server, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailTarget {
    /// The address that images are sent to.
    pub recipient: String,
    /// Where the caption goes.
    pub caption_target: CaptionTarget,
    /// What the subject starts with.
    pub subject_mode: SubjectMode,
    /// The server that takes the mail.
    pub server: MailServer,
}

/// Which part of the mail carries the caption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptionTarget {
    /// The subject. The body has it too, for people: FetLife reads the subject.
    Subject,
    /// The body; the subject says `Photo upload`.
    Body,
    /// Subject and body, asked for by name; nothing else than `Subject`.
    Both,
}

/// How FetLife files the picture, as the subject's prefix determines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubjectMode {
    /// No prefix.
    Normal,
    /// `Private: `.
    Private,
    /// `Avatar: `.
    Avatar,
}

impl SubjectMode {
    /// What the subject starts with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Normal => "",
            Self::Private => "Private: ",
            Self::Avatar => "Avatar: ",
        }
    }
}

impl Target for EmailTarget {
    const PLATFORM: Platform = Platform::Email;
    const TYPES: &'static [&'static str] = &["email", "fetlife"];
    const FIELDS: &'static [&'static str] = &["recipient", "caption_target", "subject_mode"];
    const BLOCK: Option<&'static SharedBlock> = Some(&SharedBlock {
        name: "email_server",
        variable: "EMAIL_SERVER",
        reference: "password_ref",
        fields: &[
            BlockField::new("sender", "from_email"),
            BlockField {
                default: Some("smtp.gmail.com"),
                ..BlockField::new("smtp_server", "host")
            },
            BlockField::new("smtp_port", "port"),
            BlockField {
                other_name: Some("smtp_username"),
                ..BlockField::new("username", "username")
            },
            BlockField::new("use_tls", "use_tls"),
        ],
        settings: &["CONFIRMATION_SETTINGS", "ADMIN_LOGIN_EMAILS"],
        sample: r#"{"recipient": "nobody@localhost"}"#,
    });
    const CAPTION: CaptionRules = CaptionRules {
        limit: 240,
        unit: CaptionUnit::Char,
        max_bytes: None,
        link_length: None,
        hashtags: HashtagPolicy::None,
        plain_ascii_line: true,
        words: Some((30, 35)),
    };
    const CAPTION_STYLE: Option<BuiltInStyle> =
        Some(BuiltInStyle::new(include_str!("caption_style.md")));
    const IMAGE_LIMITS: Option<ImageLimits> = None;
    type Credential = SmtpCredential;

    /// The first complete entry counts: there may be one of each type. What is wrong with the entries
    /// before it is warned of. Where the mail server is bad none is complete.
    fn read(entries: Entries<'_>, warnings: &mut Problems) -> Option<Self> {
        let server = MailServer::read(entries.block("email_server"), warnings);
        for block in entries.all() {
            match (email_target(block, server.as_ref().ok()), &server) {
                (Ok(target), Ok(_)) => return target,
                (Ok(_), Err(_)) => break,
                (Err(problems), _) => warnings.extend(problems),
            }
        }
        warnings.extend(server.err().into_iter().flatten());
        None
    }

    fn credentials_ref(&self) -> &CredentialsRef {
        self.server.password_ref()
    }

    fn caption_rules(&self) -> CaptionRules {
        let mut rules = Self::CAPTION;
        if self.caption_target != CaptionTarget::Body {
            let prefix = rules.length(self.subject_mode.prefix());
            rules.limit = rules.limit.saturating_sub(prefix);
        }
        rules
    }

    fn config(&self) -> Value {
        let Self {
            recipient,
            caption_target,
            subject_mode,
            server: _, // A block of its own.
        } = self;
        json!({
            "recipient": recipient,
            "caption_target": word(&TARGETS, *caption_target),
            "subject_mode": word(&MODES, *subject_mode),
        })
    }

    fn block(&self) -> Option<Value> {
        Some(self.server.block())
    }
}

fn word<T: PartialEq + Copy>(words: &[(&'static str, T)], value: T) -> Option<&'static str> {
    let (word, _) = words.iter().find(|(_, it)| *it == value)?;
    Some(word)
}

/// `None` where nothing is wrong but that there is no server.
fn email_target(
    mut block: Block<'_>,
    server: Option<&MailServer>,
) -> Result<Option<EmailTarget>, Problems> {
    // Its login is the mail server's. A reference here is not used, and only its type is checked.
    block.string("credentials_ref");
    let mut config = block.child("config");
    let recipient = address(&mut config, "recipient");
    let caption_target = config.choice(
        "caption_target",
        &TARGETS,
        CaptionTarget::Subject,
        "must be `subject`, `body` or `both`",
    );
    let subject_mode = config.choice(
        "subject_mode",
        &MODES,
        SubjectMode::Normal,
        "must be `normal`, `private` or `avatar`",
    );
    block.absorb(config);
    let settings = match (recipient, server) {
        (Some(recipient), Some(server)) => Some(EmailTarget {
            recipient,
            caption_target,
            subject_mode,
            server: server.clone(),
        }),
        _ => None,
    };
    block.finish(settings)
}
