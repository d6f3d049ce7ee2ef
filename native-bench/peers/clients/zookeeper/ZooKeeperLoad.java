// ZooKeeper by its own Java client and the asynchronous calls. An uncontended lock is an ephemeral node, its fencing
// token the node's czxid. Waiters of one lock follow ZooKeeper's recipe: sequential nodes, each watching the one before.
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException.Code;
import org.apache.zookeeper.Watcher.Event.KeeperState;
import org.apache.zookeeper.ZooDefs.Ids;
import org.apache.zookeeper.ZooKeeper;

public final class ZooKeeperLoad {
  private static final int NAMES_MAX = 1_000_000;
  private static final int SESSION_TIMEOUT_MS = 30_000;
  private static final byte[] NOTHING = new byte[0];
  private static final String ROOT = "/locks";
  private static final long RUN = ProcessHandle.current().pid() % 10_000_000;

  private static long beginNs;
  private static long endNs;
  private static final AtomicLong errors = new AtomicLong();
  private static final List<Slot> slots = Collections.synchronizedList(new ArrayList<>());

  private static String nameOf(int number) {
    return String.format("%s/bench:%07d:%06d", ROOT, RUN, number);
  }

  /** One request outstanding: acquires a name, releases it, and goes on with the next. */
  private static final class Slot {
    private final ZooKeeper keeper;
    private final int first;
    private final int share;
    private int turn;
    private long[] latencies = new long[1 << 12];
    private int count;

    Slot(ZooKeeper keeper, int index, int all) {
      this.keeper = keeper;
      this.share = NAMES_MAX / all;
      this.first = index * share;
      slots.add(this);
    }

    void answered(long sentAtNs) {
      long atNs = System.nanoTime();
      if (atNs < beginNs || atNs >= endNs) return;
      if (count == latencies.length) latencies = Arrays.copyOf(latencies, count * 2);
      latencies[count++] = atNs - sentAtNs;
    }

    void acquire() {
      if (System.nanoTime() >= endNs) return;
      String name = nameOf(first + turn++ % share);
      long sentAtNs = System.nanoTime();
      keeper.create(name, NOTHING, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL, (code, path, context, made) -> {
        if (code != Code.OK.intValue()) {
          errors.incrementAndGet();
          acquire();
          return;
        }
        answered(sentAtNs);
        release(name);
      }, null);
    }

    void release(String name) {
      long sentAtNs = System.nanoTime();
      keeper.delete(name, -1, (code, path, context) -> {
        if (code != Code.OK.intValue()) errors.incrementAndGet();
        answered(sentAtNs);
        acquire();
      }, null);
    }
  }

  public static void main(String[] words) throws Exception {
    Map<String, String> options = new HashMap<>();
    for (int index = 0; index + 1 < words.length; index += 2) options.put(words[index], words[index + 1]);
    int connections = Integer.parseInt(options.getOrDefault("--connections", "1"));
    int depth = Integer.parseInt(options.getOrDefault("--depth", "1"));
    double seconds = Double.parseDouble(options.getOrDefault("--seconds", "1"));
    double warmup = Double.parseDouble(options.getOrDefault("--warmup", "1"));
    List<ZooKeeper> keepers = new ArrayList<>();
    for (int index = 0; index < connections; index += 1) keepers.add(connect(options.get("--address")));
    if (keepers.get(0).exists(ROOT, false) == null) {
      keepers.get(0).create(ROOT, NOTHING, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    }
    beginNs = System.nanoTime() + (long) (warmup * 1e9);
    endNs = beginNs + (long) (seconds * 1e9);
    if (options.getOrDefault("--work", "uncontended").equals("handover")) {
      handOver(keepers);
    } else {
      int all = connections * depth;
      for (int index = 0; index < all; index += 1) new Slot(keepers.get(index % connections), index, all);
      for (Slot slot : new ArrayList<>(slots)) slot.acquire();
      Thread.sleep((endNs - System.nanoTime()) / 1_000_000 + 200);
    }
    report(seconds);
    System.out.flush();
    for (ZooKeeper keeper : keepers) keeper.close();
    System.exit(0);
  }

  private static ZooKeeper connect(String address) throws Exception {
    CountDownLatch connected = new CountDownLatch(1);
    ZooKeeper keeper = new ZooKeeper(address, SESSION_TIMEOUT_MS, event -> {
      if (event.getState() == KeeperState.SyncConnected) connected.countDown();
    });
    connected.await();
    return keeper;
  }

  private static void handOver(List<ZooKeeper> keepers) throws Exception {
    String lock = nameOf(0);
    keepers.get(0).create(lock, NOTHING, Ids.OPEN_ACL_UNSAFE, CreateMode.PERSISTENT);
    AtomicLong releasedAtNs = new AtomicLong();
    List<Thread> threads = new ArrayList<>();
    for (ZooKeeper keeper : keepers) {
      Slot slot = new Slot(keeper, 0, 1);
      Thread thread = new Thread(() -> takeTurns(keeper, lock, slot, releasedAtNs));
      thread.setDaemon(true);
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) thread.join(Math.max(1, (endNs - System.nanoTime()) / 1_000_000 + 100));
  }

  private static void takeTurns(ZooKeeper keeper, String lock, Slot slot, AtomicLong releasedAtNs) {
    try {
      while (System.nanoTime() < endNs) {
        String mine = keeper.create(lock + "/n-", NOTHING, Ids.OPEN_ACL_UNSAFE, CreateMode.EPHEMERAL_SEQUENTIAL);
        waitForTurn(keeper, lock, mine.substring(lock.length() + 1));
        long at = releasedAtNs.get();
        if (at > 0) slot.answered(at);
        releasedAtNs.set(System.nanoTime());
        keeper.delete(mine, -1);
      }
    } catch (Exception error) {
      if (System.nanoTime() < endNs) errors.incrementAndGet();
    }
  }

  private static void waitForTurn(ZooKeeper keeper, String lock, String mine) throws Exception {
    while (true) {
      List<String> queue = new ArrayList<>(keeper.getChildren(lock, false));
      Collections.sort(queue);
      int place = queue.indexOf(mine);
      if (place == 0) return;
      CountDownLatch gone = new CountDownLatch(1);
      if (keeper.exists(lock + "/" + queue.get(place - 1), event -> gone.countDown()) != null) gone.await();
    }
  }

  private static void report(double seconds) {
    long[] all = slots.stream().flatMapToLong(slot -> Arrays.stream(slot.latencies, 0, slot.count)).sorted().toArray();
    double p50 = all.length == 0 ? 0 : all[(int) (0.5 * (all.length - 1))] / 1e6;
    double p99 = all.length == 0 ? 0 : all[(int) (0.99 * (all.length - 1))] / 1e6;
    System.out.printf("{\"opsPerSecond\":%f,\"p50Ms\":%f,\"p99Ms\":%f,\"errors\":%d}%n",
        all.length / seconds, p50, p99, errors.get());
  }
}
