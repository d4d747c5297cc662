import java.net.InetSocketAddress;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hive.metastore.HiveMetaStore;
import org.apache.hadoop.hive.metastore.IHMSHandler;
import org.apache.hadoop.hive.metastore.RetryingHMSHandler;
import org.apache.hadoop.hive.metastore.TSetIpAddressProcessor;
import org.apache.hadoop.hive.metastore.conf.MetastoreConf;
import org.apache.thrift.protocol.TBinaryProtocol;
import org.apache.thrift.server.TThreadPoolServer;
import org.apache.thrift.transport.TServerSocket;

/** Hive's metastore on one address. Its own main class listens on all of them. */
public class Metastore {
    public static void main(String[] arguments) throws Exception {
        Configuration configuration = MetastoreConf.newMetastoreConf();
        IHMSHandler handler = new HiveMetaStore.HMSHandler("metastore", configuration, false);
        IHMSHandler retrying = RetryingHMSHandler.getProxy(configuration, handler, true);
        InetSocketAddress address = new InetSocketAddress(arguments[0], Integer.parseInt(arguments[1]));
        TThreadPoolServer.Args served = new TThreadPoolServer.Args(new TServerSocket(address))
                .processor(new TSetIpAddressProcessor<>(retrying))
                .protocolFactory(new TBinaryProtocol.Factory());
        new TThreadPoolServer(served).serve();
    }
}
