//! A whole sign-in by the crate `openidconnect`: it finds out where to ask, sends a browser there, exchanges the code that comes
//! back, judges the ID token, asks userinfo, and prints what it was told as JSON. The first thing wrong ends it.

mod browser;

use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail, ensure};
use openidconnect::core::{
    CoreAuthenticationFlow, CoreClient, CoreGenderClaim, CoreIdToken, CoreProviderMetadata,
    CoreUserInfoClaims,
};
use openidconnect::reqwest::blocking::Client;
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken,
    EmptyAdditionalClaims, IdTokenClaims, IdTokenVerifier, IssuerUrl, Nonce, OAuth2TokenResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse,
};
use serde_json::{Value, json};

use browser::Browser;

type Claims = IdTokenClaims<EmptyAdditionalClaims, CoreGenderClaim>;

/// Who asks whom, and the link by which the person signs in.
struct Task {
    issuer: IssuerUrl,
    client_id: ClientId,
    secret: ClientSecret,
    redirect_uri: RedirectUrl,
    link: String,
}

/// What is kept between the request and what comes back.
struct Kept {
    state: CsrfToken,
    nonce: Nonce,
    verifier: PkceCodeVerifier,
}

fn main() -> ExitCode {
    match task().and_then(|task| sign_in(&task)) {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("{problem:#}");
            ExitCode::FAILURE
        }
    }
}

fn task() -> Result<Task> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [issuer, client_id, secret, redirect_uri, link] = words.try_into().map_err(|_| {
        anyhow!("usage: openidconnect-client ISSUER CLIENT_ID CLIENT_SECRET REDIRECT_URI LOGIN_LINK")
    })?;
    Ok(Task {
        issuer: IssuerUrl::new(issuer)?,
        client_id: ClientId::new(client_id),
        secret: ClientSecret::new(secret),
        redirect_uri: RedirectUrl::new(redirect_uri)?,
        link,
    })
}

fn sign_in(task: &Task) -> Result<Value> {
    let http = Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
    let metadata = CoreProviderMetadata::discover(&task.issuer, &http).context("discovery")?;
    let algorithms = metadata.id_token_signing_alg_values_supported().clone();
    let client =
        CoreClient::from_provider_metadata(metadata, task.client_id.clone(), Some(task.secret.clone()))
            .set_redirect_uri(task.redirect_uri.clone());

    let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
    let scopes = ["profile", "email", "phone", "groups"].map(|scope| Scope::new(scope.to_owned()));
    let (url, state, nonce) = client
        .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
        .add_scopes(scopes)
        .set_pkce_challenge(challenge)
        .url();
    let kept = Kept { state, nonce, verifier };
    let back = Browser::new()?.sign_in(url.as_str(), &task.link, task.redirect_uri.as_str())?;
    let code = code_of(&back, task, &kept)?;

    let tokens = client
        .exchange_code(code)?
        .set_pkce_verifier(kept.verifier)
        .request(&http)
        .map_err(|error| anyhow!("the exchange: {error:?}"))?;
    let verifier = client.id_token_verifier().set_allowed_algs(algorithms);
    let token: &CoreIdToken = tokens.id_token().context("there is no ID token")?;
    let claims = token.claims(&verifier, &kept.nonce).context("the ID token")?;
    check_access_token(token, claims, tokens.access_token(), &verifier)?;
    let told: CoreUserInfoClaims = client
        .user_info(tokens.access_token().clone(), Some(claims.subject().clone()))?
        .request(&http)
        .map_err(|error| anyhow!("userinfo: {error:?}"))?;
    let algorithm = token.signing_alg()?;
    Ok(json!({"alg": algorithm, "id_token": claims, "userinfo": told}))
}

/// The code that came back, where it came for this request and from this issuer.
fn code_of(back: &reqwest::Url, task: &Task, kept: &Kept) -> Result<AuthorizationCode> {
    let said = |name| back.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if let Some(error) = said("error") {
        bail!("refused: {error}: {}", said("error_description").unwrap_or_default());
    }
    ensure!(said("state").as_deref() == Some(kept.state.secret()), "another state came back: {back}");
    ensure!(said("iss").as_deref() == Some(task.issuer.as_str()), "another issuer answers: {back}");
    said("code").map(AuthorizationCode::new).with_context(|| format!("no code came back: {back}"))
}

/// Whether the ID token was made for this access token.
fn check_access_token(
    token: &CoreIdToken,
    claims: &Claims,
    access_token: &AccessToken,
    verifier: &IdTokenVerifier<'_, openidconnect::core::CoreJsonWebKey>,
) -> Result<()> {
    let expected = claims.access_token_hash().context("the ID token has no at_hash")?;
    let hash = AccessTokenHash::from_token(access_token, token.signing_alg()?, token.signing_key(verifier)?)?;
    ensure!(hash == *expected, "at_hash is not that of the access token");
    Ok(())
}
