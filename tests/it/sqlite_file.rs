//! What is so of the embedded engine's file alone.

use std::path::Path;

use doorkey::clock::Clock;
use doorkey::flow;
use doorkey::store::DatabaseUrl;

#[tokio::test]
async fn a_file_that_is_no_database_of_ours_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("doorkey.key");
    doorkey::keys::create(&key).unwrap();
    let text = folder.path().join("text.db");
    std::fs::write(&text, "not a database, but a text that is long enough to be read as one").unwrap();
    let foreign = folder.path().join("foreign.db");
    let songs = rusqlite::Connection::open(&foreign).unwrap();
    songs.execute_batch("CREATE TABLE songs (name TEXT)").unwrap();

    for path in [&text, &foreign] {
        let before = std::fs::read(path).unwrap();
        let sentence = refused(path, &key).await;
        assert!(sentence.contains("is not a doorkey database"), "{sentence}");
        assert_eq!(std::fs::read(path).unwrap(), before);
    }
}

async fn refused(path: &Path, key: &Path) -> String {
    let url = DatabaseUrl::Sqlite(path.to_owned());
    flow::start::open(&url, key, true, Clock::System).await.unwrap_err().to_string()
}
