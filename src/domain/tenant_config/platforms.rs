//! The rules of the platforms: `publishers[]` and the mail server that one of them needs.

use serde_json::Value;

use super::{
    address::plain_address,
    pasted::{self, Meant},
    reader::{Block, FieldProblem},
    settings::{
        CaptionTarget, EmailSettings, MailServer, MailTransport, SubjectMode, TelegramSettings,
    },
};
use crate::domain::{host::is_loopback, secret::CredentialsRef};

type Problems = Vec<FieldProblem>;

/// The port on which a mail server speaks TLS from the start (RFC 8314).
const IMPLICIT_TLS_PORT: u16 = 465;

/// The port where none is named: that for submission (RFC 6409).
const DEFAULT_PORT: u16 = 587;

/// The platforms that are on.
#[derive(Default)]
pub(super) struct Platforms {
    pub(super) telegram: Option<TelegramSettings>,
    pub(super) email: Option<EmailSettings>,
}

/// Of each type the first enabled entry counts; a bad field turns its platform off, with a
/// warning that names it. `email` and `fetlife` are two names of one type, so that there may be an
/// entry of each: of these the first counts that is complete. An entry of another type is ignored,
/// with a warning too.
pub(super) fn read(
    publishers: Option<&Value>,
    mail_server: Block<'_>,
    warnings: &mut Problems,
) -> Platforms {
    let mut platforms = Platforms::default();
    let entries = match publishers {
        None => return platforms,
        Some(Value::Array(entries)) => entries,
        Some(_) => {
            warnings.push(FieldProblem::new("publishers", "must be an array"));
            return platforms;
        }
    };
    let (mut telegram, mut email) = (None, Vec::new());
    for (index, entry) in entries.iter().enumerate() {
        let mut block = Block::required(format!("publishers[{index}]"), Some(entry));
        let enabled = block.bool("enabled", true);
        block.string("id");
        match block.string("type") {
            _ if !enabled => continue,
            Some("telegram") => {
                telegram.get_or_insert(block);
                continue;
            }
            Some("email" | "fetlife") => {
                email.push(block);
                continue;
            }
            Some("instagram") => {
                block.reject("type", "is reserved, and ignored until it is served");
            }
            Some(_) => block.reject("type", "is of no platform that is served, and ignored"),
            None if block.field("type").is_none() && !block.is_empty_because_wrong() => {
                block.reject("type", "must be a platform; the entry is ignored");
            }
            None => {}
        }
        warnings.extend(block.into_problems());
    }
    let telegram = telegram.map(|block| telegram_settings(block, warnings));
    platforms.telegram = keep(telegram, warnings);
    platforms.email = first_complete(email, mail_server, warnings);
    platforms
}

fn keep<T>(settings: Option<Result<T, Problems>>, warnings: &mut Problems) -> Option<T> {
    settings.and_then(|settings| settings.map_err(|problems| warnings.extend(problems)).ok())
}

/// What is wrong with the entries before the first complete one is warned of. Where the mail server
/// is bad none is complete.
fn first_complete(
    entries: Vec<Block<'_>>,
    server: Block<'_>,
    warnings: &mut Problems,
) -> Option<EmailSettings> {
    if entries.is_empty() {
        return None;
    }
    let server = mail_server(server, warnings);
    for block in entries {
        match (email_settings(block, server.as_ref().ok()), &server) {
            (Ok(settings), Ok(_)) => return settings,
            (Ok(_), Err(_)) => break,
            (Err(problems), _) => warnings.extend(problems),
        }
    }
    warnings.extend(server.err().into_iter().flatten());
    None
}

fn telegram_settings(
    mut block: Block<'_>,
    warnings: &mut Problems,
) -> Result<TelegramSettings, Problems> {
    let reference = block
        .required_text("credentials_ref")
        .and_then(CredentialsRef::new);
    let mut config = block.child("config");
    let channel_id = match config.field("channel_id") {
        Some(Value::String(name)) if !name.trim().is_empty() => {
            let Meant { value, advice } = pasted::channel(name);
            let advice =
                advice.map(|rule| FieldProblem::advice(config.path_of("channel_id"), rule));
            warnings.extend(advice);
            Some(value)
        }
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => {
            Some(number.to_string())
        }
        _ => {
            config.reject("channel_id", "must be a non-empty string or an integer");
            None
        }
    };
    block.absorb(config);
    match (reference, channel_id) {
        (Some(credentials_ref), Some(channel_id)) => block.finish(TelegramSettings {
            credentials_ref,
            channel_id,
        }),
        _ => Err(block.into_problems()),
    }
}

/// `None` where nothing is wrong but that there is no server.
fn email_settings(
    mut block: Block<'_>,
    server: Option<&MailServer>,
) -> Result<Option<EmailSettings>, Problems> {
    const TARGETS: [(&str, CaptionTarget); 3] = [
        ("subject", CaptionTarget::Subject),
        ("body", CaptionTarget::Body),
        ("both", CaptionTarget::Both),
    ];
    const MODES: [(&str, SubjectMode); 3] = [
        ("normal", SubjectMode::Normal),
        ("private", SubjectMode::Private),
        ("avatar", SubjectMode::Avatar),
    ];
    // Its login is the mail server's: a reference here is of no use, and only its type is checked.
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
        (Some(recipient), Some(server)) => Some(EmailSettings {
            recipient,
            caption_target,
            subject_mode,
            server: server.clone(),
        }),
        _ => None,
    };
    block.finish(settings)
}

fn mail_server(mut block: Block<'_>, warnings: &mut Problems) -> Result<MailServer, Problems> {
    let mut advise = |block: &Block<'_>, rule| {
        warnings.push(FieldProblem::advice(block.path_of("host"), rule));
    };
    let meant = block.required_text("host").map(pasted::mail_server);
    let (host, named_port) = meant.map_or((None, None), |Meant { value, advice }| {
        if let Some(rule) = advice {
            advise(&block, rule);
        }
        (Some(value.0), value.1)
    });
    let from_email = address(&mut block, "from_email");
    let password_ref = block
        .required_text("password_ref")
        .and_then(CredentialsRef::new);
    let username = block.text("username").map(|name| name.trim().to_owned());
    let is_given = block.field("port").is_some();
    let port = block.integer("port", named_port.unwrap_or(DEFAULT_PORT).into());
    if is_given && named_port.is_some_and(|named| i64::from(named) != port) {
        advise(&block, "names another port than `port`, which counts");
    }
    let port = u16::try_from(port).ok().filter(|port| *port > 0);
    if port.is_none() {
        block.reject("port", "must be a port from 1 to 65535");
    }
    let use_tls = block.bool("use_tls", true);
    match (host, from_email, password_ref, port) {
        (Some(host), Some(from_email), Some(password_ref), Some(port)) => {
            let transport = transport(&mut block, &host, port, use_tls);
            let username = username.unwrap_or_else(|| from_email.clone());
            block.finish(MailServer {
                host,
                port,
                transport,
                username,
                from_email,
                password_ref,
            })
        }
        _ => Err(block.into_problems()),
    }
}

fn transport(block: &mut Block<'_>, host: &str, port: u16, use_tls: bool) -> MailTransport {
    if !use_tls && !is_loopback(host) {
        block.reject("use_tls", "must be true for a host that is not loopback");
    }
    match (use_tls, port) {
        (false, _) => MailTransport::Plain,
        (true, IMPLICIT_TLS_PORT) => MailTransport::ImplicitTls,
        (true, _) => MailTransport::StartTls,
    }
}

fn address(block: &mut Block<'_>, key: &str) -> Option<String> {
    let address = plain_address(block.required_text(key)?);
    if address.is_none() {
        block.reject(key, "must be one e-mail address");
    }
    address.map(str::to_owned)
}
