//! The file in which providers are set up, YAML or JSON:
//!
//! ```yaml
//! providers:
//!   - preset: auth0                          # or clerk, or none: then say what the claims are called
//!     issuer: https://example.eu.auth0.com/  # exactly as in the tokens, slash included
//!     audience: my-client-id                 # one or several; only Clerk's tokens have none
//!     claims: { role: "https://example.org/roles" }
//!     roles: { owner: admin, staff: member }
//!     default_role: viewer                   # for members of a mapped organization without one of these roles
//!     organizations: { org_123: my-slug }    # to a slug or an id; others by their metadata `external_org`
//! ```
//!
//! Of several providers that know organizations, all but one also say `organization_prefix`, a text that stands before what
//! they call one: without it, who can name an organization at one of them could name somebody else's at another.
//!
//! Who may say in the metadata of an organization which one of a provider it is: see `http::api::organizations`.
//!
//! Further keys: `authorized_parties` (accepted `azp`), `algorithms` (default RS256; never symmetric), `jwks_url` (default
//! the issuer's `.well-known/jwks.json`). Addresses are `https`; `http` is for this machine only, because who can change
//! the keys on their way can be anybody.

use super::{ClaimNames, OrgRef, Provider};
use jsonwebtoken::{Algorithm, AlgorithmFamily};
use reqwest::Url;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use tocsin_actors::domain::{OrgId, Slug, status::Role};

/// What is wrong with the file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProvidersError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    providers: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    preset: Option<Preset>,
    issuer: String,
    #[serde(default)]
    audience: OneOrMany,
    #[serde(default)]
    authorized_parties: OneOrMany,
    algorithms: Option<OneOrMany>,
    jwks_url: Option<String>,
    #[serde(default)]
    claims: ClaimsEntry,
    #[serde(default)]
    roles: BTreeMap<String, Role>,
    default_role: Option<Role>,
    #[serde(default)]
    organizations: BTreeMap<String, String>,
    #[serde(default)]
    organization_prefix: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Preset {
    Auth0,
    Clerk,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClaimsEntry {
    user_id: Option<OneOrMany>,
    email: Option<OneOrMany>,
    email_verified: Option<OneOrMany>,
    name: Option<OneOrMany>,
    organization: Option<OneOrMany>,
    role: Option<OneOrMany>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl From<OneOrMany> for Vec<String> {
    fn from(value: OneOrMany) -> Self {
        match value {
            OneOrMany::One(text) => vec![text],
            OneOrMany::Many(texts) => texts,
        }
    }
}

/// Reads a file of providers. `own_issuer` is who signs our own tokens, and cannot be a provider too.
pub fn read(source: &str, own_issuer: &str) -> Result<Vec<Provider>, ProvidersError> {
    let options = serde_saphyr::options! { with_snippet: false };
    let file: File = serde_saphyr::from_str_with_options(source, options).map_err(|error| ProvidersError(error.to_string()))?;
    let mut issuers = BTreeSet::from([own_issuer.to_owned()]);
    let mut prefixes = BTreeSet::new();
    let check = |(n, entry): (usize, Entry)| {
        let place = format!("providers[{n}] ({})", entry.issuer);
        if !issuers.insert(entry.issuer.clone()) {
            let ours = if entry.issuer == own_issuer { "it is our own issuer" } else { "it is there twice" };
            return Err(ProvidersError(format!("{place}: issuer: {ours}; one provider takes several audiences")));
        }
        let prefix = entry.organization_prefix.clone();
        let provider = entry.check().map_err(|problem| ProvidersError(format!("{place}: {problem}")))?;
        if !provider.claims.organization.is_empty() && !prefixes.insert(prefix) {
            let problem = "needs one of its own: what two providers call an organization could be the same";
            return Err(ProvidersError(format!("{place}: organization_prefix: {problem}")));
        }
        Ok(provider)
    };
    let mut providers: Vec<_> = file.providers.into_iter().enumerate().map(check).collect::<Result<_, _>>()?;
    for provider in &mut providers {
        let own = &provider.organization_prefix;
        provider.foreign_prefixes = prefixes.iter().filter(|other| *other != own && other.starts_with(own)).cloned().collect();
    }
    Ok(providers)
}

impl Entry {
    fn check(self) -> Result<Provider, String> {
        let issuer_url = address("issuer", &self.issuer)?;
        let jwks_url = match &self.jwks_url {
            Some(url) => address("jwks_url", url)?,
            None => {
                let issuer = issuer_url.as_str().trim_end_matches('/');
                address("jwks_url", &format!("{issuer}/.well-known/jwks.json"))?
            }
        };
        let audiences: Vec<String> = self.audience.into();
        if audiences.is_empty() && !matches!(self.preset, Some(Preset::Clerk)) {
            return Err("audience: is missing; without one, tokens that were made for others would be accepted".to_owned());
        }
        let algorithms: Vec<String> = self.algorithms.map_or_else(|| vec!["RS256".to_owned()], Into::into);
        if algorithms.is_empty() {
            return Err("algorithms: must name one".to_owned());
        }
        let organization = |(theirs, ours): (String, String)| match reference(&ours) {
            Some(ours) => Ok((theirs, ours)),
            None => Err(format!("organizations.{theirs}: `{ours}` is neither the slug nor the id of an organization")),
        };
        Ok(Provider {
            issuer: self.issuer,
            audiences,
            authorized_parties: self.authorized_parties.into(),
            algorithms: algorithms.iter().map(|name| algorithm(name)).collect::<Result<_, _>>()?,
            jwks_url,
            claims: self.claims.names(self.preset),
            roles: roles(self.preset, self.roles),
            default_role: self.default_role,
            // Clerk's own tokens always say both; an organization alone is what its ordinary members would show.
            unsaid_role: matches!(self.preset, Some(Preset::Clerk)).then_some(Role::Member),
            organizations: self.organizations.into_iter().map(organization).collect::<Result<_, _>>()?,
            organization_prefix: self.organization_prefix,
            foreign_prefixes: Vec::new(),
        })
    }
}

impl ClaimsEntry {
    fn names(self, preset: Option<Preset>) -> ClaimNames {
        let or = |told: Option<OneOrMany>, usual: &[&str]| {
            told.map_or_else(|| usual.iter().map(|name| (*name).to_owned()).collect(), Into::into)
        };
        let (organization, role): (&[&str], &[&str]) = match preset {
            // Auth0 has no claim of its own for roles: an action of the tenant writes one.
            Some(Preset::Auth0) => (&["org_id"], &["roles"]),
            // Version 2 of Clerk's tokens, then version 1.
            Some(Preset::Clerk) => (&["o.id", "org_id"], &["o.rol", "org_role"]),
            None => (&[], &[]),
        };
        ClaimNames {
            user_id: or(self.user_id, &["sub"]),
            email: or(self.email, &["email"]),
            email_verified: or(self.email_verified, &["email_verified"]),
            name: or(self.name, &["name"]),
            organization: or(self.organization, organization),
            role: or(self.role, role),
        }
    }
}

/// The words for roles: ours, the preset's, and what the file says of them.
fn roles(preset: Option<Preset>, told: BTreeMap<String, Role>) -> BTreeMap<String, Role> {
    let mut roles: BTreeMap<_, _> = Role::ALL.iter().map(|role| (role.to_string(), *role)).collect();
    if matches!(preset, Some(Preset::Clerk)) {
        roles.extend(Role::ALL.iter().map(|role| (format!("org:{role}"), *role)));
    }
    roles.extend(told);
    roles
}

fn reference(text: &str) -> Option<OrgRef> {
    let id = text.parse().ok().map(|id: OrgId| OrgRef::Id(id));
    id.or_else(|| text.parse().ok().map(|slug: Slug| OrgRef::Slug(slug)))
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    match name.parse::<Algorithm>() {
        Ok(algorithm) if algorithm.family() == AlgorithmFamily::Hmac => {
            Err(format!("algorithms: {name} is symmetric: whoever can verify could also sign"))
        }
        Ok(algorithm) => Ok(algorithm),
        Err(_) => Err(format!("algorithms: `{name}` is not one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA")),
    }
}

fn address(field: &str, text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{field}: `{text}` is not an address: {error}"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if key_set_is_local(&url) => Ok(url),
        "http" => Err(format!("{field}: must be https; http is for this machine only")),
        other => Err(format!("{field}: must be https, not {other}")),
    }
}

/// Whether an address stays on this machine.
pub(super) fn key_set_is_local(url: &Url) -> bool {
    match url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']')) {
        Some("localhost") => true,
        Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(source: &str) -> String {
        read(source, "tocsin").expect_err("accepted").to_string()
    }

    #[test]
    fn a_short_entry_is_enough() {
        let source = "providers: [{preset: auth0, issuer: 'https://x.eu.auth0.com/', audience: client}]";
        let provider = read(source, "tocsin").unwrap().remove(0);
        assert_eq!(provider.jwks_url.as_str(), "https://x.eu.auth0.com/.well-known/jwks.json");
        assert_eq!((provider.audiences, provider.algorithms), (vec!["client".to_owned()], vec![Algorithm::RS256]));
        assert_eq!(provider.claims.organization, ["org_id"]);
        let json = r#"{"providers": [{"preset": "clerk", "issuer": "https://clerk.example.org"}]}"#;
        let provider = read(json, "tocsin").unwrap().remove(0);
        assert_eq!(provider.jwks_url.as_str(), "https://clerk.example.org/.well-known/jwks.json");
        assert_eq!(provider.roles["org:admin"], Role::Admin);
    }

    #[test]
    fn organizations_and_roles_are_mapped() {
        let id = OrgId::new(uuid::Uuid::from_u128(7));
        let source = format!(
            "providers:\n- issuer: https://id.example.org\n  audience: [a, b]\n  algorithms: [ES256, EdDSA]\n  \
             roles: {{staff: member}}\n  default_role: viewer\n  organizations: {{one: acme, two: {id}}}\n"
        );
        let provider = read(&source, "tocsin").unwrap().remove(0);
        assert_eq!(provider.organizations["one"], OrgRef::Slug("acme".parse().unwrap()));
        assert_eq!(provider.organizations["two"], OrgRef::Id(id));
        assert_eq!((provider.roles["staff"], provider.default_role), (Role::Member, Some(Role::Viewer)));
    }

    #[test]
    fn what_would_not_be_safe_is_refused_in_a_sentence() {
        let entry = |rest: &str| problem(&format!("providers:\n- issuer: https://id.example.org\n  {rest}\n"));
        for (said, told) in [
            (entry("audience: a\n  algorithms: HS256"), "HS256 is symmetric"),
            (entry("audience: a\n  algorithms: none"), "`none` is not one of"),
            (entry("audience: a\n  algorithms: []"), "must name one"),
            (entry("preset: auth0"), "audience: is missing"),
            (entry("audience: a\n  jwks_url: http://id.example.org/keys"), "must be https"),
            (entry("audience: a\n  jwks_url: file:///etc/passwd"), "must be https, not file"),
            (entry("audience: a\n  organizations: {x: 'No Slug'}"), "organizations.x"),
            (entry("audiense: a"), "unknown field"),
            (entry("audience: a\n  roles: {x: king}"), "king"),
            (problem("providers: [{audience: a}]"), "missing field `issuer`"),
            (problem("providers: [{issuer: tocsin, audience: a}]"), "our own issuer"),
            (problem("providers: [{issuer: 'https://a.b', audience: a}, {issuer: 'https://a.b', audience: b}]"), "there twice"),
            (problem(&two_of_clerk("", "")), "providers[1] (https://b.c): organization_prefix"),
            (problem(&two_of_clerk("x:", "x:")), "organization_prefix: needs one of its own"),
        ] {
            assert!(said.contains(told), "{said}");
        }
    }

    fn two_of_clerk(one: &str, other: &str) -> String {
        let entry = |issuer, prefix| format!("- {{preset: clerk, issuer: 'https://{issuer}', organization_prefix: '{prefix}'}}\n");
        format!("providers:\n{}{}", entry("a.b", one), entry("b.c", other))
    }

    #[test]
    fn several_providers_call_organizations_by_names_of_their_own() {
        let providers = read(&two_of_clerk("", "b:"), "tocsin").unwrap();
        assert_eq!((&*providers[0].organization_prefix, &*providers[1].organization_prefix), ("", "b:"));
        // Who has none, or a shorter one, names nothing that begins with somebody else's.
        let foreign = |one, other| read(&two_of_clerk(one, other), "tocsin").unwrap().remove(0).foreign_prefixes;
        assert_eq!((foreign("", "b:"), foreign("b", "b:")), (vec!["b:".to_owned()], vec!["b:".to_owned()]));
        assert!(foreign("a:", "b:").is_empty() && foreign("b:", "").is_empty());
        let knows_none = "providers:\n- {preset: clerk, issuer: 'https://a.b'}\n- {issuer: 'https://b.c', audience: a}\n";
        assert_eq!(read(knows_none, "tocsin").unwrap().len(), 2);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let told = problem("providers:\n- issuer: https://id.example.org\n  audiense: a\n");
        assert!(told.contains("line 3") && !told.contains('\n'), "{told}");
    }
}
