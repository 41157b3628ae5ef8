//! What is written is read back, value for value.

use super::support::on_both;

#[tokio::test]
async fn a_package_is_read_back_as_it_was_written() {
    on_both(|test| async move {
        let package = test.new_package();
        test.insert(&package).await.unwrap();
        let mut session = test.db.read().await.unwrap();
        let read = session.of(&test.tenant).package(package.id).await.unwrap();
        assert_eq!(read, Some(package));
    })
    .await;
}
