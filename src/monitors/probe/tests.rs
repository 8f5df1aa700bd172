use super::*;
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const PATIENT: Duration = Duration::from_secs(5);

/// A website that gives one answer to everybody, and counts them.
struct Site {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Site {
    async fn at(ip: &str, answer: impl Fn(SocketAddr) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let answer = answer(address);
                tokio::spawn(async move {
                    let mut head = [0; 2048];
                    let _ = socket.read(&mut head).await;
                    let _ = socket.write_all(&answer).await;
                    let _ = socket.shutdown().await;
                });
            }
        });
        Self { address, asked }
    }
    async fn answering(answer: &'static str) -> Self {
        Self::at("127.0.0.1", move |_| answer.as_bytes().to_vec()).await
    }
    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn prober(allowed: &str) -> Prober {
    Prober::new(Guard::new(&[allowed.parse().unwrap()])).unwrap()
}

async fn check(url: &str, expects: &Expects) -> Finding {
    prober("127.0.0.0/8").check(url, expects, PATIENT).await
}

fn problem(finding: &Finding) -> &str {
    finding.problem.as_deref().expect("it is down")
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nall well";

#[tokio::test]
async fn a_site_that_answers_is_up_and_its_time_is_known() {
    let site = Site::answering(OK).await;
    let found = check(&site.url(), &Expects::default()).await;
    assert!(found.is_up() && found.response_ms.is_some_and(|ms| ms < 5_000), "{found:?}");
}

#[tokio::test]
async fn another_status_than_expected_is_down() {
    let site = Site::answering("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
    let found = check(&site.url(), &Expects::default()).await;
    assert_eq!(problem(&found), "answered 503");
    assert!(found.response_ms.is_some(), "it did answer");
    let expects = Expects { statuses: vec![401, 503], text: None };
    assert!(check(&site.url(), &expects).await.is_up());
}

#[tokio::test]
async fn a_text_is_looked_for_also_across_pieces() {
    let site = Site::at("127.0.0.1", |_| {
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nall w\r\n3\r\nell\r\n0\r\n\r\n".to_vec()
    })
    .await;
    let expects = |text: &str| Expects { statuses: vec![], text: Some(text.into()) };
    assert!(check(&site.url(), &expects("all well")).await.is_up());
    assert_eq!(problem(&check(&site.url(), &expects("not well")).await), "the expected text is not in the answer");
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let mut long = b"HTTP/1.1 200 OK\r\ncontent-length: 400000\r\n\r\n".to_vec();
    long.extend(vec![b'x'; 400_000 - 3]);
    long.extend(b"end");
    let site = Site::at("127.0.0.1", move |_| long.clone()).await;
    let expects = |text: &str| Expects { statuses: vec![], text: Some(text.into()) };
    assert!(check(&site.url(), &expects("xxxx")).await.is_up());
    assert_eq!(problem(&check(&site.url(), &expects("end")).await), "the expected text is not in the answer");
}

#[tokio::test]
async fn a_site_that_is_silent_is_down_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let found = prober("127.0.0.0/8").check(&url, &Expects::default(), Duration::from_millis(300)).await;
    assert_eq!((problem(&found), found.response_ms), ("no answer within 0.3 s", None));
}

#[tokio::test]
async fn what_is_wrong_on_the_way_is_said_in_words() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(problem(&check(&format!("http://{closed}/"), &Expects::default()).await), "the connection is refused");
    assert_eq!(problem(&check("http://nowhere.invalid/", &Expects::default()).await), "the name cannot be found");
    let rude = Site::answering("").await;
    let found = check(&rude.url(), &Expects::default()).await;
    assert!(["the answer is broken", "the connection broke off"].contains(&problem(&found)), "{found:?}");
    let plain = Site::answering("this is not TLS").await;
    let found = check(&plain.url().replace("http:", "https:"), &Expects::default()).await;
    assert_eq!(problem(&found), "no encrypted connection is possible");
    assert_eq!(problem(&check("any text", &Expects::default()).await), "the address is no http or https address");
}

#[tokio::test]
async fn nobody_is_connected_to_who_is_not_allowed() {
    let site = Site::answering(OK).await;
    let open = Prober::new(Guard::default()).unwrap();
    let by_name = site.url().replace("127.0.0.1", "localhost");
    for url in [site.url(), by_name.clone(), site.url().replace("127.0.0.1", "2130706433")] {
        let found = open.check(&url, &Expects::default(), PATIENT).await;
        assert_eq!(problem(&found), "the address leads into a network that is not allowed", "{url}");
    }
    assert_eq!(site.asked(), 0, "not even a connection");
    assert!(check(&by_name, &Expects::default()).await.is_up(), "names are resolved where it is allowed");
}

#[tokio::test]
async fn a_redirect_is_followed_only_to_where_one_may_go() {
    let inside = Site::answering(OK).await;
    let to = inside.url();
    let lead = move |_| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n").into_bytes();
    let outside = Site::at("127.0.0.2", lead).await;
    assert!(check(&outside.url(), &Expects::default()).await.is_up());
    assert_eq!((inside.asked(), outside.asked()), (1, 1));
    let found = prober("127.0.0.2/32").check(&outside.url(), &Expects::default(), PATIENT).await;
    assert_eq!(problem(&found), "the address leads into a network that is not allowed");
    assert_eq!((inside.asked(), outside.asked()), (1, 2), "the inner one was not asked again");
    let expects = Expects { statuses: vec![302], text: None };
    assert!(check(&outside.url(), &expects).await.is_up(), "a redirect that is expected is the answer");
    assert_eq!(inside.asked(), 1);
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let circle =
        |own: SocketAddr| format!("HTTP/1.1 307 Again\r\nlocation: http://{own}/\r\ncontent-length: 0\r\n\r\n").into_bytes();
    let site = Site::at("127.0.0.1", circle).await;
    assert_eq!(problem(&check(&site.url(), &Expects::default()).await), "redirects more than 5 times");
    assert_eq!(site.asked(), 6);
}
